"""A byte-level tokenizer, instruction files and recipes for the tests of tuning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from instruction_files import write_lines

from ecomct.atomic import write_json
from ecomct.recipe.model import Recipe
from ecomct.tokens.tokenizer import END_OF_TEXT, train_bpe

LENGTH = 96
INSTRUCTION = "### Instruction:\n{sentences}\nName it.\n### Response:"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Byte-level BPE that has merged " Yes", "Answer:" and the like, so that joints could go wrong."""
    folder = tmp_path_factory.mktemp("tokenizer")
    text = "### Instruction:\nName it.\n### Response:red Answer: Yes No 品牌: 白露 None Question: which color? Yes. It is red. "
    train_bpe(iter([text] * 40), 420).save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END_OF_TEXT})
    return folder


@pytest.fixture
def write_task(tmp_path: Path) -> Callable[..., Path]:
    """Write a task folder: write_task("ZH-A-Generate-name", test=[("text", "answer"), ...], train=[...])."""

    def write(name: str, **files: list[tuple[str, str]]) -> Path:
        folder = tmp_path / name
        kind = name.split("-")[2]
        meta: dict[str, Any] = {"task": name, "defi": "naming", "label_sep": ", ", "test_prompt": {"instruction": INSTRUCTION}}
        if kind == "CLS":
            labels = sorted({answer for rows in files.values() for _, answer in rows})
            meta |= {"label_key": "en", "label_set": {"en": labels}}
        write_json(folder / "meta-info.json", meta)
        for file, rows in files.items():
            found = [
                {"sentences": text} | ({"labels": {"en": [answer]}} if kind == "CLS" else {"spans": [{"term": answer}]})
                for text, answer in rows
            ]
            write_lines(folder / f"{file}.json", found)
        return folder

    return write


@pytest.fixture
def make_recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """Return a builder: instruction sets by name, `tasks` of the evaluation, and settings of `tuning`."""

    def build(sets: dict[str, Any], tasks: dict[str, Any] | None = None, **tuning: Any) -> Recipe:
        settings = {"batch_size": 2, "epochs": 2, "learning_rate": 1e-2, "length": LENGTH, **tuning}
        return Recipe.model_validate(
            {
                "name": "test",
                "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
                "tokenizer": {"path": "tokenizer"},
                "model": {"config": {"model_type": "bloom", "hidden_size": 32, "n_layer": 2, "n_head": 4}},
                "training": {"threads": 1},
                "tuning": {"sets": sets, **settings},
                "evaluation": {"tasks": tasks or {}},
            }
        )

    return build
