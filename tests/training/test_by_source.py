"""The training loss by source and language against the loss that is logged, and against token after token."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

from ecomct.packing.sequence import LANGUAGES
from ecomct.recipe.model import Recipe
from ecomct.training.batches import Row, Sequences, packed_batch, unrolled_batch
from ecomct.training.by_source import LossBySource, losses_line
from ecomct.training.model import write_base
from ecomct.training.run import train_arm


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "losses.jsonl").read_text().splitlines()]


def of_tokens(row: Row) -> list[tuple[str, str]]:
    """Source and language of each real token, read from the run-lengths one token at a time."""
    found, piece = [], 0
    for place in range(int(row["length"])):
        piece += place >= row["row_ends"][piece]
        found.append(("ab"[int(row["rows"][piece]) >> 52], LANGUAGES[int(row["languages"][piece])]))
    return found


@pytest.mark.parametrize("kind", ["llama", "bloom"])
@pytest.mark.parametrize("micro", [1, 4])
def test_sources_sum_to_the_logged_loss(
    kind: str, micro: int, make_recipe: Callable[..., Recipe], tokenizer_folder: Path, origin_folder: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(kind, micro_batch_size=micro, max_steps=2)
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    train_arm(recipe, "mixed", origin_folder, tmp_path / "base", tmp_path / "out")
    logged = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    found = lines(tmp_path / "out")
    assert [line["step"] for line in found] == [1, 2]
    data = Sequences(origin_folder)
    for step, (line, record) in enumerate(zip(found, logged, strict=True)):
        groups = [tuple(group) for languages in line["losses"].values() for group in languages.values()]
        tokens = sum(count for _, count in groups)
        rows = [data[index] for index in range(4 * step, 4 * step + 4)]
        assert tokens == sum(int(row["length"]) - len(row["segments"]) for row in rows)
        assert sum(mean * count for mean, count in groups) / tokens == pytest.approx(record["loss"], rel=1e-5)
        assert set(line["losses"]) == {"a", "b"}
        assert set(line["losses"]["b"]) == {"en"}, "a language that a source has no token of is left out"


def test_a_token_counts_for_its_own_row(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, origin_folder: Path, tmp_path: Path
) -> None:
    """The first step's losses against a model of transformers that reads every sample alone."""
    recipe = make_recipe("llama", max_steps=1)
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    train_arm(recipe, "mixed", origin_folder, tmp_path / "base", tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base").eval().double()
    sums: dict[tuple[str, str], list[float]] = {}
    data = Sequences(origin_folder)
    for index in range(4):
        row = data[index]
        owners, begin = of_tokens(row), 0
        for end in map(int, row["segments"]):
            ids = torch.tensor(row["input_ids"][begin:end])[None].long()
            with torch.no_grad():
                nll = F.cross_entropy(model(input_ids=ids).logits[0, :-1], ids[0, 1:], reduction="none")
            for place, value in enumerate(nll.tolist(), start=begin + 1):
                sums.setdefault(owners[place], []).append(value)
            begin = end
    (line,) = lines(tmp_path / "out")
    found = {(source, name): group for source, languages in line["losses"].items() for name, group in languages.items()}
    assert found.keys() == sums.keys()
    for key, (mean, tokens) in found.items():
        assert tokens == len(sums[key])
        assert mean == pytest.approx(sum(sums[key]) / tokens, rel=1e-5)


def test_packed_and_unrolled_count_alike(origin_folder: Path) -> None:
    data = Sequences(origin_folder)
    rows = [data[index] for index in range(6)]
    counted = []
    for make in (packed_batch, unrolled_batch):
        batch, losses = make(rows), LossBySource(["a", "b"])
        kept = batch["labels"][:, 1:] != -100
        # A loss that depends on the token alone.
        losses.add(batch["groups"], batch["labels"], batch["input_ids"][:, 1:][kept].float())
        counted.append(losses.take())
    assert counted[0] == counted[1] != {}


def test_data_without_origin_trains_and_has_no_losses_by_source(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, origin_folder: Path, tmp_path: Path
) -> None:
    recipe = make_recipe("llama", max_steps=2)
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    for name, folder in (("without", sequences_folder), ("with", origin_folder)):
        train_arm(recipe, "mixed", folder, tmp_path / "base", tmp_path / name)
    assert not (tmp_path / "without" / "losses.jsonl").exists()
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("without", "with")]
    assert files[0].read_bytes() == files[1].read_bytes(), "counting changes no weight"


def test_a_loss_that_is_not_finite_is_null() -> None:
    losses = LossBySource(["a", "商品"])
    groups, labels = torch.tensor([[0, 0, 0, 2, 3]]), torch.tensor([[-100, 5, 5, -100, 5]])
    losses.add(groups, labels, torch.tensor([1.0, 2.0, torch.inf]))
    assert losses_line(7, losses.take()) == '{"step": 7, "losses": {"a": {"zh": [1.5, 2]}, "商品": {"en": [null, 1]}}}\n'
    assert losses.take() == {}, "the next step begins at nothing"
