"""Plans: counts against real models, memory against laws and the research's arithmetic, changes, the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM
from typer.testing import CliRunner

from ecomct.cli import app
from ecomct.errors import InputError
from ecomct.planning.devices import DEVICES, GIB, Cluster, Device, parse_gpus
from ecomct.planning.fitting import largest, micro_batches, try_out
from ecomct.planning.memory import Choice, Job, need
from ecomct.planning.plan import _remembered, make_plan
from ecomct.planning.shadow import Setting, trace
from ecomct.planning.shape import read_shape, shape_of
from ecomct.recipe.model import Recipe

TINY: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 64, "n_layer": 2, "n_head": 4},
    "llama": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 160},
    "qwen3": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "intermediate_size": 160,
        "tie_word_embeddings": True,
    },
    "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4},
}
BLOOMS = {3_002_557_440: 2560, 7_069_016_064: 4096}


def tiny(kind: str = "bloom", **changes: Any) -> Any:
    return AutoConfig.for_model(kind, **{"vocab_size": 1000, **TINY[kind], **changes})


def recipe(model: dict[str, Any], length: int = 128, **training: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "planned",
            "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
            "tokenizer": {"train_vocab": 1000},
            "sequences": {"length": length},
            "model": model,
            "training": {"batch_size": 64, **training},
        }
    )


@pytest.fixture(scope="module")
def job() -> Job:
    config = tiny()
    with torch.device("meta"):
        shape = shape_of(AutoModelForCausalLM.from_config(config), 128)
    return Job(shape, 128, 64, True, False, False, _remembered(shape))


A100 = DEVICES["A100-80G"]


@pytest.mark.parametrize("kind", TINY)
def test_parameters_are_those_of_the_real_model(kind: str) -> None:
    real = AutoModelForCausalLM.from_config(tiny(kind))
    shape = read_shape(recipe({"config": {"model_type": kind, "vocab_size": 1000, **TINY[kind]}}))
    assert shape.parameters == real.num_parameters() == sum(p.numel() for p in real.parameters())


@pytest.mark.parametrize(("parameters", "hidden"), BLOOMS.items())
def test_parameters_of_bloom_are_the_papers(parameters: int, hidden: int, tmp_path: Path) -> None:
    given = {"model_type": "bloom", "hidden_size": hidden, "n_layer": 30, "n_head": 32, "vocab_size": 250_880}
    (tmp_path / "config.json").write_text(json.dumps(given))
    shape = read_shape(recipe({"path": str(tmp_path)}, length=2048))
    assert shape.parameters == parameters == 250_880 * hidden + 30 * (12 * hidden**2 + 13 * hidden) + 4 * hidden
    # 6 N of all products and attention's square: 19.90 G and 45.42 G a token.
    assert shape.flops == pytest.approx({2560: 19.90e9, 4096: 45.42e9}[hidden], rel=1e-3)


@pytest.mark.parametrize("kind", ["bloom", "llama"])
@pytest.mark.parametrize("recompute", [False, True])
def test_the_shadow_holds_what_a_real_pass_saves(kind: str, recompute: bool) -> None:
    """What a real forward pass keeps for its backward pass, by autograd's own hooks, is no more than the counted height."""
    config = tiny(kind)
    model = AutoModelForCausalLM.from_config(config).train()
    if recompute:
        model.activation_checkpointing_enable({"use_reentrant": False})
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = model.base_model(input_ids=torch.zeros(2, 96, dtype=torch.long), use_cache=False).last_hidden_state
    peak = trace(config, Setting(2, 96, recompute, torch.float32, False, "grown", False))
    if not recompute:
        assert 0.9 * sum(saved.values()) <= peak.total
        assert peak.parts["activations"] + peak.parts["attention"] <= 2 * sum(saved.values()) + kept.nbytes * 20
    else:
        whole = trace(config, Setting(2, 96, False, torch.float32, False, "grown", False))
        assert peak.total <= whole.total


def test_activations_of_bloom_are_those_of_the_literature() -> None:
    """Korthikanti et al. (2022): 34 b T h bytes a layer in 16 bits, less two dropout masks; BLOOM's GELU recomputes."""
    rows, length, hidden = 4, 128, 64
    peaks = [
        trace(tiny(n_layer=depth), Setting(rows, length, False, torch.bfloat16, False, "handed on", True)) for depth in (8, 16)
    ]
    a_layer = (peaks[1].parts["activations"] - peaks[0].parts["activations"]) / 8
    assert 20 <= a_layer / (rows * length * hidden) <= 44


@settings(max_examples=12, deadline=None)
@given(
    strategy=st.sampled_from(["single", "ddp", "fsdp", "zero2"]),
    offload=st.booleans(),
    recompute=st.booleans(),
    rows=st.sampled_from([1, 2, 4]),
    world=st.sampled_from([1, 2, 4, 8]),
)
def test_laws_of_memory(job: Job, strategy: Any, offload: bool, recompute: bool, rows: int, world: int) -> None:
    if strategy == "single":
        world = 1
    choice = Choice(Cluster(A100, world), strategy, offload and strategy == "zero2", recompute, rows)
    found = need(job, choice)
    assert all(size >= 0 for size in (*found.device.values(), *found.host.values()))
    assert need(job, replace(choice, rows=2 * rows)).on_device >= found.on_device
    if strategy in ("fsdp", "zero2"):
        more = need(job, replace(choice, cluster=Cluster(A100, 2 * world)))
        # A step that no longer accumulates never needs more either.
        assert more.on_device <= found.on_device
    if choice.offload:
        assert found.on_device <= need(job, replace(choice, offload=False)).on_device
        assert found.host["optimizer"] == 16 * job.shape.parameters
    if not recompute:
        assert need(job, replace(choice, recompute=True)).on_device <= found.on_device * 1.02


def test_the_largest_micro_batch_is_the_largest(job: Job) -> None:
    limit = need(job, Choice(Cluster(A100, 1), "single", False, False, 8)).on_device
    cluster = Cluster(Device("small", limit, 1e12), 1)
    choice = Choice(cluster, "single", False, False, 1)
    found = largest(job, choice, None)
    fitting = [rows for rows in micro_batches(job, cluster) if try_out(job, replace(choice, rows=rows), None).fits]
    assert found is not None
    assert found.choice.rows == max(fitting) == 8


def test_research_arithmetic(tmp_path: Path) -> None:
    """research: BLOOM-3B, ZeRO-2 with offload, recomputing, micro-batch 4: 17.1 GiB on four A100, 45 GiB of host state."""
    given = {"model_type": "bloom", "hidden_size": 2560, "n_layer": 30, "n_head": 32, "vocab_size": 250_880}
    (tmp_path / "config.json").write_text(json.dumps(given))
    parallel = {"strategy": "zero2", "offload": "optimizer"}
    planned = recipe(
        {"path": str(tmp_path)}, length=2048, batch_size=2048, micro_batch_size=4, activations="recompute", parallel=parallel
    )
    shape = read_shape(planned)
    job = Job(shape, 2048, 2048, True, False, False, _remembered(shape))
    found = need(job, Choice(Cluster(A100, 4), "zero2", True, True, 4))
    beside = found.on_device - found.device["allowance"]
    assert beside / GIB == pytest.approx(17.1, rel=0.15)
    assert found.host["optimizer"] / GIB == pytest.approx(45, rel=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4xA100-80", "did you mean A100-80G"),
        ("", "write COUNTxDEVICE"),
        ("0xA100-80G", "give 1 to 1024"),
        ("2xB300:-1:5", "numbers over 0"),
        ("2xB300:many:5", "numbers over 0"),
        ("three A100", "write COUNTxDEVICE"),
    ],
)
def test_bad_gpus_are_one_clear_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_gpus(text)


def test_gpus_are_read() -> None:
    assert parse_gpus("4xA100-80G", 2) == Cluster(A100, 4, 2)
    assert parse_gpus("H200-141G").world == 1
    own = parse_gpus("2xB300:270:2500").device
    assert (own.name, own.memory, own.peak) == ("B300", 270 * GIB, 2.5e15)
    assert parse_gpus("cpu").device.on_host


def test_processes_that_cannot_share_the_batch() -> None:
    model = {"config": {"model_type": "bloom", "vocab_size": 1000, **TINY["bloom"]}}
    with pytest.raises(InputError, match=r"not shared evenly by 3 processes; take 2 or 4 processes"):
        make_plan(recipe(model), "3xA100-80G")


def test_what_does_not_fit_comes_with_a_change_that_fits() -> None:
    model = {"config": {"model_type": "bloom", "vocab_size": 1000, **TINY["bloom"]}}
    planned = recipe(model, micro_batch_size=16)
    roomy = make_plan(planned, "2xA100-80G", tokens=10**9, mfu=0.5)
    assert roomy.fits
    assert roomy.speed.tokens_per_second == pytest.approx(2 * 312e12 * 0.5 / (roomy.shape.flops or 0))
    need_16 = roomy.written.need.on_device / GIB
    smaller = make_plan(planned, f"2xSMALL:{0.999 * need_16}:100")
    assert not smaller.fits
    assert smaller.chosen is not None
    assert smaller.chosen.fits
    assert smaller.chosen.choice.rows < 16
    at_one = make_plan(recipe(model), "2xA100-80G").written.need.on_device / GIB
    tight = make_plan(recipe(model), f"2xSMALL:{0.9995 * at_one}:100")
    assert not tight.fits
    assert tight.chosen is None
    fitting = [one for one in tight.changes if one.fits]
    assert fitting
    assert all(one.change for one in tight.changes)


def test_command(shop: Callable[..., Path]) -> None:
    path, run = shop(), CliRunner().invoke
    done = run(app, ["plan", str(path), "--gpus", "2xA100-80G", "--tokens", "1000000", "--json"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.output)
    assert made["fits"]
    assert made["written"]["accumulation"] * made["written"]["micro_batch"] * 2 == 4
    assert made["written"]["device"]["total"] == sum(made["written"]["device"].values()) - made["written"]["device"]["total"]
    assert made["arms"][0]["days"] > 0
    assert made["disk"]["total"] > made["disk"]["base model"]
    done = run(app, ["plan", str(path), "--gpus", "NONE:0.001:1"])
    assert done.exit_code == 1
    assert "does not fit" in done.output
