"""Several processes judge a step as one does, and leave it out as one does, under every strategy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_stability import BATCH, POISONED, STEPS, lines, write_sequences

from ecomct.recipe.model import Recipe
from ecomct.training.model import write_base
from ecomct.training.run import train_arm

pytest.importorskip("deepspeed")

STRATEGIES = ("none", "ddp", "zero2")


@pytest.fixture(scope="module")
def outcomes(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """One run alone and one of two ranks for each strategy, all on the same poisoned data."""
    folder = tmp_path_factory.mktemp("parallel")
    write_base(make_recipe("llama"), tokenizer_folder, folder / "fresh")
    clean = write_sequences(folder / "clean", range(101, 131))
    trained = make_recipe(batch_size=BATCH, learning_rate=1e-2)
    train_arm(trained, "mixed", clean, folder / "fresh", folder / "trained")
    runs = []
    for strategy in STRATEGIES:
        recipe = make_recipe(
            "llama",
            batch_size=BATCH,
            micro_batch_size=1,
            learning_rate=1e-3,
            save_every=1,
            average="ema",
            average_decay=0.5,
            stability={"window": 8, "spike": "skip"},
            parallel={} if strategy == "none" else {"strategy": strategy},
        )
        ranks = 1 if strategy == "none" else 2
        out = {"out": str(folder / strategy), "ranks": ranks, "launched": ranks > 1}
        runs.append({"recipe": recipe.model_dump_json(exclude_none=True), **out})
    sequences = write_sequences(folder / "mixed", range(1, STEPS + 1))
    job = {"sequences": str(sequences), "base": str(folder / "trained" / "model"), "runs": runs}
    runner = Path(__file__).with_name("rank_runner.py")
    done = subprocess.run(
        [sys.executable, str(runner)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout)
    for result in results:
        assert all("facts" in rank for rank in result["ranks"]), (result["ranks"], done.stderr[-3000:])
    return folder, dict(zip(STRATEGIES, results, strict=True))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_leaves_out_the_same_step(outcomes: tuple[Path, dict[str, Any]], strategy: str) -> None:
    folder, results = outcomes
    (incident,) = lines(folder / strategy / "incidents.jsonl")
    assert (incident["step"], incident["cause"], incident["action"]) == (POISONED, "spike", "left out")
    assert incident["sequences"] == [18, 19]
    files = results[strategy]["files"]
    weights = [files[f"checkpoints/step-{step}/model.safetensors"] for step in range(1, STEPS)]
    assert [step for step in range(2, STEPS) if weights[step - 1] == weights[step - 2]] == [POISONED]
    assert [line["step"] for line in results[strategy]["steps"]] == list(range(1, STEPS + 1))
    for line, alone in zip(results[strategy]["steps"], results["none"]["steps"], strict=True):
        assert line["loss"] == pytest.approx(alone["loss"], rel=1e-4)
        assert line["learning_rate"] == pytest.approx(alone["learning_rate"])


@pytest.mark.parametrize("name", ["model", "model-ema"])
@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_weights_and_average_are_those_of_one_process(outcomes: tuple[Path, dict[str, Any]], strategy: str, name: str) -> None:
    folder, _ = outcomes
    ours = load_file(folder / strategy / name / "model.safetensors")
    alone = load_file(folder / "none" / name / "model.safetensors")
    assert ours.keys() == alone.keys()
    for key, tensor in ours.items():
        torch.testing.assert_close(tensor, alone[key], rtol=0, atol=1e-4, msg=key)
