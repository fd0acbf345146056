"""What trackers hold is what metrics.jsonl says, each step once, also where a run was resumed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.model import write_base
from ecomct.training.run import train_arm
from ecomct.training.trackers import check_trackers


def test_tensorboard_reads_each_step_once(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    recipe = make_recipe(save_every=2, log_to=["tensorboard"])
    write_base(recipe, tokenizer_folder, tmp_path / "base")

    def fail(step: int, steps: int) -> None:
        if step == 3:  # is made again: the last checkpoint is of step 2
            raise KeyboardInterrupt

    arguments = (recipe, "mixed", sequences_folder, tmp_path / "base", tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        train_arm(*arguments, fail, tmp_path / "logs")
    train_arm(*arguments, None, tmp_path / "logs")
    assert len(list((tmp_path / "logs" / "tensorboard").iterdir())) == 2
    read = events.EventAccumulator(str(tmp_path / "logs" / "tensorboard"))
    read.Reload()
    metrics = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    for name in ("loss", "learning_rate", "grad_norm", "tokens"):
        scalars = read.Scalars(f"train/{name}")
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4, 5]
        assert [scalar.value for scalar in scalars] == pytest.approx([line[name] for line in metrics], rel=1e-6)
    assert [scalar.step for scalar in read.Scalars("train/tokens_per_second")] == [2, 4, 5]


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_a_tracker_that_is_not_installed_is_named_before_training(
    name: str, make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed")
    with pytest.raises(InputError, match=f"training.log_to: {name} is not installed; pip install {name}"):
        check_trackers([name])  # type: ignore[list-item]
    recipe = make_recipe(log_to=[name])
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    with pytest.raises(InputError, match="not installed"):
        train_arm(recipe, "mixed", sequences_folder, tmp_path / "base", tmp_path / "out", None, tmp_path / "logs")
    assert not (tmp_path / "out" / "metrics.jsonl").exists()
