"""Tiny tokenizers, sequence data and recipes for the tests of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from ecomct.recipe.model import Recipe

LENGTH = 64
WORDS = 300

# Small enough for milliseconds; every kind of position and mask code that transformers has for them.
CONFIGS: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "qwen3": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 64,
    },
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": LENGTH},
    "gemma2": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 64,
    },
    "opt": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2},
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    words = Tokenizer(models.WordLevel({f"t{index}": index for index in range(WORDS)}, unk_token="t0"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="t1").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sequences_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 sequences of 64 tokens in four segments, every third one with padding."""
    generator = np.random.default_rng(0)
    rows = []
    for index in range(22):
        length = LENGTH if index % 3 else 50
        cuts = generator.choice(np.arange(1, length), 3, replace=False).tolist()
        ids = np.full(LENGTH, 1)
        # A few frequent words, so that a model learns something in ten steps.
        ids[:length] = 2 + generator.geometric(0.1, length).clip(max=WORDS - 3)
        rows.append({"input_ids": ids.tolist(), "length": length, "segments": [*sorted(cuts), length]})
    features = datasets.Features(
        {
            "input_ids": datasets.List(datasets.Value("int32"), length=LENGTH),
            "length": datasets.Value("int32"),
            "segments": datasets.List(datasets.Value("int32")),
        }
    )
    folder = tmp_path_factory.mktemp("sequences") / "mixed"
    datasets.Dataset.from_list(rows, features=features).save_to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def origin_folder(sequences_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sequences with whose row each token is: rows of two sources and two languages, some over sample ends."""
    generator = np.random.default_rng(1)
    table = datasets.load_from_disk(sequences_folder)
    columns: dict[str, list[list[int]]] = {"rows": [], "row_ends": [], "languages": []}
    for record in table:
        length = record["length"]
        ends = sorted({*record["segments"], *generator.choice(np.arange(1, length), 4, replace=False).tolist()})
        columns["row_ends"].append(ends)
        sources = generator.integers(0, 2, len(ends))
        columns["rows"].append([int(source) << 52 | place + 1 for place, source in enumerate(sources)])
        # Source 1 has one language.
        columns["languages"].append([int(generator.integers(0, 2)) if source == 0 else 1 for source in sources])
    kinds = {"rows": "uint64", "row_ends": "int32", "languages": "uint8"}
    features = datasets.Features(
        {**table.features, **{name: datasets.List(datasets.Value(kind)) for name, kind in kinds.items()}}
    )
    folder = tmp_path_factory.mktemp("origin") / "mixed"
    datasets.Dataset.from_dict({**table.to_dict(), **columns}, features=features).save_to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def make_recipe() -> Callable[..., Recipe]:
    """Return a builder: model type or a whole `model` part, `length`, `seed`, and settings of `training`."""

    def build(model: str | dict[str, Any] = "bloom", length: int = LENGTH, seed: int = 17, **training: Any) -> Recipe:
        settings = {"batch_size": 4, "micro_batch_size": 2, "learning_rate": 1e-2, "threads": 1, **training}
        return Recipe.model_validate(
            {
                "name": "test",
                "seed": seed,
                "sources": {name: {"path": f"{name}.jsonl", "kind": "title"} for name in ("a", "b")},
                "tokenizer": {"path": "tokenizer"},
                "sequences": {"length": length},
                "model": {"config": {"model_type": model, **CONFIGS[model]}} if isinstance(model, str) else model,
                "training": settings,
            }
        )

    return build
