"""One training in one process and in two, under every strategy: same losses, same resumption, same files."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ecomct.recipe.model import Recipe
from ecomct.training.model import write_base

Outcome = dict[str, Any]
SETTINGS: dict[str, Any] = {"micro_batch_size": 1, "schedule": "linear", "warmup_steps": 1, "weight_decay": 0.3, "save_every": 2}
STRATEGIES: dict[str, dict[str, str]] = {
    "ddp": {"strategy": "ddp"},
    "fsdp": {"strategy": "fsdp"},
    "zero2": {"strategy": "zero2", "offload": "optimizer"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parallel")


@pytest.fixture(scope="module")
def outcomes(folder: Path, make_recipe: Callable[..., Recipe], tokenizer_folder: Path, origin_folder: Path) -> dict[str, Outcome]:
    """Every run of this module by name, in one process that imports once and forks the ranks."""
    pytest.importorskip("deepspeed")
    write_base(make_recipe(), tokenizer_folder, folder / "base")

    def run(
        name: str, ranks: int, parallel: dict[str, str] | None = None, training: dict[str, Any] | None = None, **more: Any
    ) -> Any:
        recipe = make_recipe(**{**SETTINGS, "parallel": parallel or {}, **(training or {})})
        launched = (parallel or {}).get("strategy") == "zero2"
        if "copy_of" in more:
            more["copy_of"] = str(folder / more["copy_of"])
        return {
            "recipe": recipe.model_dump_json(exclude_none=True),
            "out": str(folder / name),
            "ranks": ranks,
            "launched": launched,
        } | more

    term = {"signal": [1, int(signal.SIGTERM)], "at": 2}
    runs = {"one": run("one", 1), "one-bf16": run("one-bf16", 1, training={"precision": "bf16"})}
    for name, parallel in STRATEGIES.items():
        runs[name] = run(name, 2, parallel)
        runs[f"{name}-bf16"] = run(f"{name}-bf16", 2, parallel, {"precision": "bf16"})
        bf16 = {"precision": "bf16"} if name == "zero2" else {}
        # A signal to the second rank alone, after a checkpoint that the schedule asked for.
        runs[f"{name}-stopped"] = run(f"{name}-stopped", 2, parallel, bf16, **term)
        runs[f"{name}-resumed"] = run(f"{name}-resumed", 2, parallel, bf16, copy_of=f"{name}-stopped")
        runs[f"{name}-to-1"] = run(f"{name}-to-1", 1, parallel, bf16, copy_of=f"{name}-stopped")
    runs["one-stopped"] = run("one-stopped", 1, signal=[0, int(signal.SIGUSR1)], at=2)
    runs["one-to-2"] = run("one-to-2", 2, copy_of="one-stopped")
    runs["one-resumed"] = run("one-resumed", 1, copy_of="one-stopped")
    runs["full"] = run("full", 2, training={"save_every": 1}, limit=20_000, at=3)
    runs["full-resumed"] = run("full-resumed", 2, training={"save_every": 1}, copy_of="full")
    runs["kept"] = run("kept", 2, training={"save_every": 1, "keep_states": 2}, kill=1, at=4)
    runs["flipped"] = run(
        "flipped", 2, training={"save_every": 1, "keep_states": 2}, copy_of="kept", flip="optimizer-00000.safetensors"
    )

    job = {"sequences": str(origin_folder), "base": str(folder / "base"), "runs": list(runs.values())}
    runner = Path(__file__).with_name("rank_runner.py")
    done = subprocess.run(
        [sys.executable, str(runner)], input=json.dumps(job), capture_output=True, text=True, timeout=900,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = dict(zip(runs, json.loads(done.stdout), strict=True))
    for name, outcome in found.items():
        assert all(outcome["ranks"]) or name == "kept", f"{name}: {done.stderr[-3000:]}"
    return found


def facts(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = outcome["ranks"][0]["facts"]
    return found


def near(left: Outcome, right: Outcome, tolerance: float) -> None:
    assert len(left["steps"]) == len(right["steps"]) == 5
    for one, other in zip(left["steps"], right["steps"], strict=True):
        assert other == pytest.approx(one, rel=tolerance)


@pytest.mark.parametrize("name", STRATEGIES)
def test_two_processes_give_the_losses_of_one(outcomes: dict[str, Outcome], name: str) -> None:
    near(outcomes["one"], outcomes[name], 1e-6)
    assert facts(outcomes[name])["parallel"]["processes"] == 2
    assert facts(outcomes[name])["parallel"]["strategy"] == name


@pytest.mark.parametrize("name", STRATEGIES)
def test_losses_by_source_are_of_all_processes(outcomes: dict[str, Outcome], folder: Path, name: str) -> None:
    def losses(run: str) -> list[Any]:
        return [json.loads(line) for line in (folder / run / "losses.jsonl").read_text().splitlines()]

    for line, other, step in zip(losses("one"), losses(name), outcomes[name]["steps"], strict=True):
        groups = {(source, language): group for source, by in line["losses"].items() for language, group in by.items()}
        found = {(source, language): group for source, by in other["losses"].items() for language, group in by.items()}
        assert found.keys() == groups.keys()
        for key, (mean, tokens) in found.items():
            assert tokens == groups[key][1]
            assert mean == pytest.approx(groups[key][0], rel=1e-5)
        total = sum(tokens for _, tokens in found.values())
        assert sum(mean * tokens for mean, tokens in found.values()) / total == pytest.approx(step["loss"], rel=1e-5)


@pytest.mark.parametrize("name", STRATEGIES)
def test_bf16_too(outcomes: dict[str, Outcome], name: str) -> None:
    """DDP and FSDP2 compute under autocast over float32 weights, as one process does; ZeRO-2 on bf16 weights."""
    near(outcomes["one-bf16"], outcomes[f"{name}-bf16"], 2e-3 if name == "zero2" else 1e-6)
    assert outcomes[f"{name}-bf16"]["steps"] != outcomes[name]["steps"]


def test_each_process_reads_its_own_rows_and_together_all(outcomes: dict[str, Outcome]) -> None:
    for name in STRATEGIES:
        first, second = (set(rank["rows"]) for rank in outcomes[name]["ranks"])
        assert first | second == set(range(20))
        assert not first & second
        # Every step of four sequences is shared half and half.
        assert all(len(first & set(range(start, start + 4))) == 2 for start in range(0, 20, 4))


def test_offload_is_really_on(outcomes: dict[str, Outcome]) -> None:
    for name in ("zero2", "zero2-bf16"):
        parallel = facts(outcomes[name])["parallel"]
        assert parallel["offload"] is True
        assert parallel["gradients"] == "partitioned"
        assert parallel["masters"] == ["float32 on cpu"]
        assert parallel["accumulation"] == "float32"
        assert parallel["decay"] == [0.3, 0.0], "Trainer's two groups: no decay on norms and biases"


def test_final_weights_have_one_form(outcomes: dict[str, Outcome], folder: Path) -> None:
    one = load_file(folder / "one" / "model" / "model.safetensors")
    for name in [*STRATEGIES, *(f"{name}-bf16" for name in STRATEGIES)]:
        other = load_file(folder / name / "model" / "model.safetensors")
        assert {key: (tensor.shape, tensor.dtype) for key, tensor in other.items()} == {
            key: (tensor.shape, torch.float32) for key, tensor in one.items()
        }
        assert outcomes[name]["files"]["model/config.json"] == outcomes["one"]["files"]["model/config.json"]
        AutoModelForCausalLM.from_pretrained(folder / name / "model")


@pytest.mark.parametrize("name", ["one", *STRATEGIES])
def test_a_signal_to_any_process_stops_all_and_the_rest_is_bit_exact(outcomes: dict[str, Outcome], name: str) -> None:
    stopped = outcomes[f"{name}-stopped"]
    number = signal.SIGUSR1 if name == "one" else signal.SIGTERM
    assert [rank["stopped"] for rank in stopped["ranks"]] == [[number, 3]] * len(stopped["ranks"])
    assert stopped["ranks"][0]["said"] == f"stopped by {number.name} after step 3; run again to continue"
    assert ".work/trainer/checkpoint-3/COMPLETE.json" in stopped["files"]
    assert "checkpoints/step-3/model.safetensors" not in stopped["files"], "published are the scheduled ones only"
    undisturbed = outcomes["zero2-bf16" if name == "zero2" else name]
    resumed = outcomes[f"{name}-resumed"]
    # After a resumption the last process has not asked the engine anything new: all files are equal, facts included.
    assert resumed["files"] == undisturbed["files"]


@pytest.mark.parametrize("name", [*(f"{name}-to-1" for name in STRATEGIES), "one-to-2"])
def test_another_number_of_processes_goes_on(outcomes: dict[str, Outcome], name: str) -> None:
    zero = name.startswith("zero2")
    near(outcomes["zero2-bf16" if zero else "one"], outcomes[name], 1e-4 if zero else 1e-6)
    assert facts(outcomes[name])["parallel"]["processes"] == (2 if name == "one-to-2" else 1)


def test_no_checkpoint_holds_a_pickle(outcomes: dict[str, Outcome]) -> None:
    for name in ("one", *STRATEGIES):
        kept = [path for path in outcomes[f"{name}-stopped"]["files"] if path.startswith(".work/")]
        assert {Path(path).suffix for path in kept} == {".json", ".safetensors", ""}, kept
        assert [path for path in kept if not Path(path).suffix] == [".work/trainer/plan"]


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(outcomes: dict[str, Outcome]) -> None:
    """The kernel refuses the first rank's writes from step 3 on: EFBIG here, ENOSPC on a full disk."""
    first, second = outcomes["full"]["ranks"]
    assert first["refused"] == errno.EFBIG
    assert "trainer" in first["file"]
    assert second == {"exit": 1}, "the first process says why"
    work = {Path(path).parts[2] for path in outcomes["full"]["files"] if path.startswith(".work/")}
    assert work == {"checkpoint-2", "plan"}, "what was half-written has given its room back"
    assert len(outcomes["full-resumed"]["steps"]) == 5
    assert outcomes["full-resumed"]["files"]["model/model.safetensors"] == outcomes["ddp"]["files"]["model/model.safetensors"]


def test_a_flipped_bit_is_found_and_the_checkpoint_before_it_taken(outcomes: dict[str, Outcome]) -> None:
    kept = {Path(path).parts[2] for path in outcomes["kept"]["files"] if path.startswith(".work/")}
    whole = [int(name.split("-")[1]) for name in kept if name.startswith("checkpoint-")]
    assert sorted(whole) in ([2, 3], [3, 4]), "the kill struck near the save of step 4; two are kept"
    assert outcomes["flipped"]["ranks"][0]["trained"] == list(range(min(whole) + 1, 6))
    assert outcomes["flipped"]["files"]["model/model.safetensors"] == outcomes["ddp"]["files"]["model/model.safetensors"]
