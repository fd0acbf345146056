"""Tokens a second and MFU: the count of operations, and the rates right behind a resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from ecomct.recipe.model import Recipe
from ecomct.training.model import write_base
from ecomct.training.run import train_arm
from ecomct.training.speed import SpeedMeter, flops_per_token, latest, peak_flops, summary

LENGTH = 48
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
WIDE = {**SHAPE, "intermediate_size": 64}
CONFIGS: dict[str, dict[str, int]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "llama": WIDE,
    "qwen3": {**WIDE, "num_key_value_heads": 2, "head_dim": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2},
    "mixtral": WIDE,
}


def made(kind: str, device: str = "cpu", **settings: object) -> PreTrainedModel:
    config = AutoConfig.for_model(kind, **{**CONFIGS[kind], "vocab_size": 300, **settings})
    with torch.device(device):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    return model


@pytest.mark.parametrize(("hidden", "heads", "published"), [(2560, 32, 19.90e9), (4096, 32, 45.42e9)])
def test_bloom_takes_what_its_shape_says(hidden: int, heads: int, published: float) -> None:
    model = made("bloom", "meta", hidden_size=hidden, n_layer=30, n_head=heads, vocab_size=250_880)
    formula = 6 * (12 * 30 * hidden**2 + 250_880 * hidden) + 12 * 30 * hidden * 2048
    assert flops_per_token(model, 2048) == formula == pytest.approx(published, rel=1e-3)


@pytest.mark.parametrize("kind", ["bloom", "llama", "qwen3", "gpt2"])
def test_the_formula_is_what_the_model_computes(kind: str) -> None:
    """Counted on a real forward and backward pass; rotary tables are a rounding of it."""
    model = made(kind)
    ids = torch.randint(300, (1, LENGTH))
    counter = FlopCounterMode(display=False)
    with counter:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    assert counter.get_total_flops() / LENGTH == pytest.approx(flops_per_token(model, LENGTH), rel=2e-3)


def test_frozen_weights_take_no_gradient_of_their_own() -> None:
    model = made("llama")
    trained = flops_per_token(model, LENGTH)
    frozen = model.lm_head.weight
    frozen.requires_grad_(False)
    assert trained is not None
    assert flops_per_token(model, LENGTH) == trained - 2 * frozen.numel()


def test_what_is_not_dense_attention_has_no_count() -> None:
    assert flops_per_token(made("mamba"), LENGTH) is None
    assert flops_per_token(made("mixtral"), LENGTH) is None


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA GeForce RTX 4090", 165e12),
        ("NVIDIA GeForce GTX 1080", None),
        ("", None),
    ],
)
def test_peaks(name: str, peak: float | None) -> None:
    assert peak_flops(name) == peak


def test_a_launch_counts_its_own_time_and_tokens_alone() -> None:
    times = iter([1000.0, 1002.0, 1008.0])
    meter = SpeedMeter(2e6, 1e9, processes=2, clock=lambda: next(times))
    first = meter.finished(101, 50_000_000)  # the tokens of a hundred steps of an earlier launch are in there
    assert (first.tokens_per_second, first.mfu, str(first)) == (None, None, "")
    second = meter.finished(102, 50_000_600)
    assert (second.seconds, second.tokens_per_second) == (2.0, 300.0)
    assert second.mfu == pytest.approx(300 * 2e6 / (2 * 1e9))
    third = meter.finished(103, 50_001_200)
    assert (third.seconds, third.tokens_per_second) == (6.0, 150.0)
    assert str(third) == "150 tokens/s, MFU 15.0%"


def test_no_peak_no_share() -> None:
    times = iter([0.0, 1.0])
    meter = SpeedMeter(2e6, None, clock=lambda: next(times))
    meter.finished(1, 100)
    assert str(meter.finished(2, 1100)) == "1,000 tokens/s"


def test_a_resumed_run_writes_its_speed_apart(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    recipe, paces = make_recipe(save_every=2), []
    write_base(recipe, tokenizer_folder, tmp_path / "base")

    def tell(step: int, steps: int) -> None:
        paces.append(latest(tmp_path / "logs" / "speed.jsonl"))

    def fail(step: int, steps: int) -> None:
        tell(step, steps)
        if step == 3:
            raise KeyboardInterrupt

    arguments = (recipe, "mixed", sequences_folder, tmp_path / "base", tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        train_arm(*arguments, fail, tmp_path / "logs")
    train_arm(*arguments, tell, tmp_path / "logs")
    lines = [json.loads(line) for line in (tmp_path / "logs" / "speed.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 3, 4, 5]
    assert [line["tokens_per_second"] is None for line in lines] == [True, False, False, True, False, False]
    assert [pace == "" for pace in paces] == [True, False, False, True, False, False]
    assert {line["mfu"] for line in lines} == {None}, "fp32 on a CPU"
    assert (summary(tmp_path / "logs" / "speed.jsonl") or {})["mfu"] is None
    assert summary(tmp_path / "absent") is None
