"""Tokens a second, and the share of the hardware's arithmetic that they use (MFU)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

# Dense bfloat16 operations a second of one device, float32 sums, from the vendor's data sheets; by a part of its name.
# A name that holds another one comes before it. Data sheets name the rate with sparsity for most: half of it is dense.
PEAKS = {
    "H100 PCIe": 756e12,  # 1,513 with sparsity
    "H100 NVL": 835e12,  # 1,671
    "H100": 989e12,  # SXM: 1,979
    "H200": 989e12,  # the H100's arithmetic
    "A100": 312e12,
    "L40S": 362e12,  # 733
    "A10": 125e12,
    "RTX 4090": 165e12,  # 165.2, Ada architecture whitepaper
}


def flops_per_token(model: PreTrainedModel, length: int) -> float | None:
    """Return the operations that training on one token takes in sequences of `length`, None where the count is not known.

    6 for each weight that multiplies (4 for a frozen one): the output layer counts, also where it is tied, the
    embedding's look-up does not. Attention: 12 x layers x width of all heads x length, the whole square as in
    Chowdhery et al. (2022, appendix B), whatever a causal or segment mask saves. Activations that are computed
    again do not count. For BLOOM: 6 (12 L h^2 + V h) + 12 L h T.

    None: experts of which a token meets a few, or layers that are not attention.
    """
    config = model.config.get_text_config()
    layers, heads = getattr(config, "num_hidden_layers", None), getattr(config, "num_attention_heads", None)
    experts = any(getattr(config, name, None) for name in ("num_local_experts", "num_experts", "n_routed_experts"))
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not layers or not heads or experts or not kinds <= {"full_attention", "sliding_attention"}:
        return None
    weights = [module.weight for module in model.modules() if isinstance(module, torch.nn.Linear | Conv1D)]
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    products = sum((6 if weight.requires_grad else 4) * weight.numel() for weight in weights)
    return float(products + 12 * layers * heads * head * length)


def peak_flops(device: str) -> float | None:
    """Return the dense bfloat16 operations a second of a device by its name (`torch.cuda.get_device_name()`), or None."""
    return next((peak for name, peak in PEAKS.items() if name in device), None)


@dataclass(frozen=True)
class Pace:
    """A line of speed.jsonl: how fast a launch is, up to and with a step.

    `seconds` is the step's own time; `tokens_per_second` (all processes) and `mfu` are over the steps since the
    launch's first one. None: nothing to measure from (the launch's first step), or a peak that is not known.
    """

    step: int
    seconds: float | None
    tokens_per_second: float | None
    mfu: float | None

    def __str__(self) -> str:
        """For the progress line; empty where nothing is known."""
        if self.tokens_per_second is None:
            return ""
        return f"{self.tokens_per_second:,.0f} tokens/s" + ("" if self.mfu is None else f", MFU {self.mfu:.1%}")


class SpeedMeter:
    """Measures a launch from the end of its first step, so that start-up, compilation and what an earlier launch did are out."""

    def __init__(
        self, flops: float | None, peak: float | None, processes: int = 1, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`flops` a token, `peak` operations a second of one of `processes` equal devices."""
        self._ceiling = None if flops is None or peak is None else peak * processes / flops
        self._clock = clock
        self._first: tuple[float, int] | None = None
        self._last = 0.0

    def finished(self, step: int, tokens: int) -> Pace:
        """Note that `step` is over, and with it `tokens` of the whole run (those before this launch included)."""
        now = self._clock()
        if self._first is None:
            self._first, self._last = (now, tokens), now
            return Pace(step, None, None, None)
        (began, before), seconds = self._first, now - self._last
        self._last = now
        rate = (tokens - before) / max(now - began, 1e-9)
        mfu = None if self._ceiling is None else round(rate / self._ceiling, 4)
        return Pace(step, round(seconds, 4), round(rate, 1), mfu)


def meter(model: PreTrainedModel, length: int, precision: str, processes: int) -> SpeedMeter:
    """Return a meter for this machine's device; MFU only for bfloat16 on a device whose peak is known."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return SpeedMeter(flops_per_token(model, length), peak_flops(name) if precision == "bf16" else None, processes)


def append_pace(file: Path, pace: Pace) -> None:
    """Append a line to speed.jsonl. Clocks stay out of metrics.jsonl, whose bytes a resumed run repeats."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a", encoding="utf-8") as handle:
        handle.write(json.dumps(asdict(pace)) + "\n")


def latest(file: Path) -> str:
    """Return the last line of speed.jsonl for the progress line, empty where it says nothing."""
    try:
        with open(file, "rb") as handle:
            handle.seek(max(0, handle.seek(0, 2) - 512))
            return str(Pace(**json.loads(handle.read().splitlines()[-1])))
    except (FileNotFoundError, IndexError):
        return ""


def summary(file: Path) -> dict[str, Any] | None:
    """Return the median over all launches of tokens_per_second and mfu (None where unknown), None without measured steps."""
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    except FileNotFoundError:
        return None
    rates = [line["tokens_per_second"] for line in lines if line["tokens_per_second"] is not None]
    shares = [line["mfu"] for line in lines if line["mfu"] is not None]
    if not rates:
        return None
    return {"tokens_per_second": median(rates), "mfu": median(shares) if shares else None}
