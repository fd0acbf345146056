"""Averages of weights against sums made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ecomct.recipe.model import Recipe
from ecomct.training.model import write_base
from ecomct.training.run import train_arm

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def trained(
    make_recipe: Callable[..., Recipe],
    tokenizer_folder: Path,
    sequences_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A BLOOM (its output layer is tied) of five steps, each a checkpoint, with a moving average."""
    folder = tmp_path_factory.mktemp("averaging")
    recipe = make_recipe(save_every=1, average="ema", average_decay=0.7)
    write_base(recipe, tokenizer_folder, folder / "base")
    train_arm(recipe, "mixed", sequences_folder, folder / "base", folder / "out")
    return folder


def steps_of(folder: Path) -> list[dict[str, torch.Tensor]]:
    paths = [*(folder / "out" / "checkpoints" / f"step-{step}" for step in range(1, 5)), folder / "out" / "model"]
    return [load_file(path / WEIGHTS) for path in paths]


def test_the_moving_average_is_that_of_the_steps(trained: Path) -> None:
    average = {name: tensor.double() for name, tensor in load_file(trained / "base" / WEIGHTS).items()}
    for weights in steps_of(trained):
        average = {name: 0.7 * average[name] + 0.3 * weights[name].double() for name in average}
    ours = load_file(trained / "out" / "model-ema" / WEIGHTS)
    assert ours.keys() == average.keys()
    for name, tensor in ours.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor.double(), average[name], rtol=1e-6, atol=1e-7, msg=name)


def test_the_average_opens_as_a_model_and_leaves_the_weights_alone(
    trained: Path, make_recipe: Callable[..., Recipe], sequences_folder: Path, tmp_path: Path
) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(trained / "out" / "model-ema")
    assert model.lm_head.weight is model.transformer.word_embeddings.weight
    train_arm(make_recipe(save_every=1), "mixed", sequences_folder, trained / "base", tmp_path / "out")
    assert (tmp_path / "out" / "model" / WEIGHTS).read_bytes() == (trained / "out" / "model" / WEIGHTS).read_bytes()
    assert not (tmp_path / "out" / "model-ema").exists()
