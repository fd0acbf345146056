"""Whole runs: the objective, resumption after SIGKILL, stops and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.batches import Sequences, packed_batch
from ecomct.training.checkpoints import keep_last, seal
from ecomct.training.model import write_base
from ecomct.training.run import train_arm


@pytest.fixture
def base(make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path: Path) -> Path:
    """A BLOOM, and a Llama beside it in base-llama."""
    write_base(make_recipe("llama"), tokenizer_folder, tmp_path / "base-llama")
    write_base(make_recipe("bloom"), tokenizer_folder, tmp_path / "base-bloom")
    return tmp_path / "base-bloom"


def records(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_what_it_says(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    out = tmp_path / "mixed"
    recipe = make_recipe(save_every=2)
    facts = train_arm(recipe, "mixed", sequences_folder, base, out, lambda step, steps: seen.append((step, steps)))
    data = Sequences(sequences_folder)
    assert facts["steps"] == 5, "22 sequences hold five whole batches of four"
    assert facts["tokens"] == data.tokens(20)
    assert facts["passes"] == pytest.approx(20 / 22, abs=1e-6)
    assert (facts["packing"], facts["loss"], facts["precision"], facts["parameters"]) == ("packed", "chunked", "fp32", 35776)
    assert seen == [(step, 5) for step in range(1, 6)]
    lines = records(out)
    assert [list(line) for line in lines] == [["step", "tokens", "loss", "learning_rate", "grad_norm"]] * 5
    assert [(line["step"], line["tokens"]) for line in lines] == [(step, data.tokens(4 * step)) for step in range(1, 6)]
    assert (facts["first_loss"], facts["last_loss"]) == (lines[0]["loss"], lines[-1]["loss"])
    assert facts["last_loss"] < facts["first_loss"] - 0.3
    folders = [out / "model", out / "checkpoints" / "step-2", out / "checkpoints" / "step-4"]
    names = ["config.json", "generation_config.json", "model.safetensors"]
    wanted = {folder / name for folder in folders for name in names} | {out / "metrics.jsonl", out / "facts.json"}
    assert {path for path in out.rglob("*") if path.is_file()} == wanted
    assert not (out / ".work").exists()
    for folder in folders:
        assert (folder / "config.json").read_bytes() == (base / "config.json").read_bytes()
        AutoModelForCausalLM.from_pretrained(folder)

    again = train_arm(recipe, "mixed", sequences_folder, base, out, lambda step, steps: pytest.fail("trained again"))
    assert again == facts


def test_the_steps_are_those_of_plain_torch(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    """An independent loop: whole batches, one mean over all predictions, clipped, AdamW without decay on norms and biases."""
    recipe = make_recipe(max_steps=3, schedule="linear", warmup_steps=1, max_grad_norm=0.5, weight_decay=0.3)
    llama = base.parent / "base-llama"
    train_arm(recipe, "mixed", sequences_folder, llama, tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(llama).train()
    decayed = [parameter for name, parameter in model.named_parameters() if "norm" not in name]
    rest = [parameter for name, parameter in model.named_parameters() if "norm" in name]
    groups = [{"params": decayed, "weight_decay": 0.3}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    data = Sequences(sequences_folder)
    for step, line in enumerate(records(tmp_path / "out")):
        rate = (0.0, 1e-2, 1e-2 / 2)[step]
        batch = packed_batch([data[4 * step + index] for index in range(4)])
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        assert line["learning_rate"] == pytest.approx(rate)
        assert line["loss"] == pytest.approx(loss.item(), rel=1e-5)
        assert line["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    ours, theirs = load_file(tmp_path / "out" / "model" / "model.safetensors"), model.state_dict()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=2e-5, msg=name)


def test_micro_batches_and_unrolling_change_no_loss(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama = base.parent / "base-llama"
    lines = []
    for micro in (1, 4):
        out = tmp_path / f"micro-{micro}"
        train_arm(make_recipe(micro_batch_size=micro, max_steps=3), "mixed", sequences_folder, llama, out)
        lines.append(records(out))
    monkeypatch.setattr("ecomct.training.run.prepare_packing", lambda model: "unrolled")
    train_arm(make_recipe(max_steps=3), "mixed", sequences_folder, llama, tmp_path / "unrolled")
    lines.append(records(tmp_path / "unrolled"))
    for other in lines[1:]:
        for left, right in zip(lines[0], other, strict=True):
            assert right == pytest.approx(left, rel=1e-4)


def test_bf16_runs_on_a_cpu_and_stays_near_fp32(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    train_arm(make_recipe(max_steps=4), "mixed", sequences_folder, base, tmp_path / "fp32")
    facts = train_arm(make_recipe(max_steps=4, precision="bf16"), "mixed", sequences_folder, base, tmp_path / "bf16")
    assert facts["precision"] == "bf16"
    weights = load_file(tmp_path / "bf16" / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    for left, right in zip(records(tmp_path / "fp32"), records(tmp_path / "bf16"), strict=True):
        assert right["loss"] == pytest.approx(left["loss"], rel=5e-3)
        assert right["loss"] != left["loss"]


def test_other_settings_start_over(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = train_arm(make_recipe(max_steps=2, save_every=1), "mixed", sequences_folder, base, out)
    second = train_arm(make_recipe(max_steps=7), "mixed", sequences_folder, base, out)
    assert second["passes"] > 1 > first["passes"]
    assert len(records(out)) == 7
    assert not (out / "checkpoints").exists()


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_nan_stops_the_run(make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path) -> None:
    recipe = make_recipe(max_steps=4, learning_rate=1e30, save_every=1, schedule="constant")
    with pytest.raises(InputError, match=r"is (nan|inf) at step 2; lower training.learning_rate"):
        train_arm(recipe, "mixed", sequences_folder, base, tmp_path / "out")
    assert len(records(tmp_path / "out")) == 1
    assert not (tmp_path / "out" / "model").exists()


def test_refusals_name_the_numbers(
    make_recipe: Callable[..., Recipe], base: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"batch_size: 24 sequences a step, but arm mixed has 22"):
        train_arm(make_recipe(batch_size=24), "mixed", sequences_folder, base, tmp_path / "out")
    with pytest.raises(InputError, match="no folder"):
        train_arm(make_recipe(), "mixed", sequences_folder, tmp_path / "absent", tmp_path / "out")


def test_torn_checkpoints_are_passed_over_and_removed(tmp_path: Path) -> None:
    for step in (2, 4, 10):
        stage = tmp_path / ".stage" / f"checkpoint-{step}"
        stage.mkdir(parents=True)
        (stage / "model.safetensors").write_bytes(b"weights")
        seal(stage, tmp_path / f"checkpoint-{step}", step)
    (tmp_path / "checkpoint-10" / "model.safetensors").write_bytes(b"weig")
    (tmp_path / "checkpoint-12").mkdir()
    assert keep_last(tmp_path) == (tmp_path / "checkpoint-4", 4)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


def test_sigkill_at_any_moment_changes_no_byte(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    # With dropout, so that the random states have to come back too.
    config = {
        "model_type": "bloom",
        "hidden_size": 32,
        "n_layer": 2,
        "n_head": 4,
        "hidden_dropout": 0.1,
        "attention_dropout": 0.1,
    }
    recipe = make_recipe({"config": config}, save_every=2, max_steps=5)
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    runner = Path(__file__).with_name("kill_runner.py")
    arguments = [recipe.model_dump_json(exclude_none=True), str(sequences_folder), str(tmp_path / "base"), str(tmp_path)]
    done = subprocess.run([sys.executable, str(runner), *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    undisturbed = result["trees"].pop("undisturbed")
    assert {"model/model.safetensors", "metrics.jsonl", "checkpoints/step-2/model.safetensors"} <= set(undisturbed)
    assert result["kills"] >= 12
    for name, files in result["trees"].items():
        assert files == undisturbed, name
