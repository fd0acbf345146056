"""Bytes that one process needs on its device and one machine in its host memory, by part.

With P parameters, W processes and 4 bytes a float32. What the pass itself holds is counted by `shadow.trace`;
here is what stands around it, as the trainer of this package keeps it (`ecomct.training`):

| | single | ddp | fsdp | zero2 |
|---|---|---|---|---|
| weights | 4P | 4P | 4P/W | 2P (bfloat16; 4P in fp32) |
| gradients, summed in float32 | 4P | 4P | 4P/W, and 4P whole while a step accumulates | 4P/W |
| Adam's two moments | 8P | 8P | 8P/W | 8P/W, and 4P/W of float32 masters |
| buckets | | 4P | the gathered layers | 2 of 500 M elements |

Sources: mixed precision with Adam, 16 bytes a parameter, and what ZeRO-2 shares out: Rajbhandari et al. (2020),
"ZeRO", section 3. DDP's buckets are a second copy of all gradients (`gradient_as_bucket_view` in PyTorch's
documentation, off by default). FSDP2 gathers a layer before its pass and the next one ahead; embedding and output
layer are units of their own (accelerate's `fsdp2_prepare_model`); between the micro-batches of one step gradients
stay whole on every device (`set_requires_gradient_sync`). ZeRO-2's buckets: DeepSpeed's `reduce_bucket_size`, two
with `overlap_comm`. With offload, masters, moments and the gradients of the step are in host memory: 16P in all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch

from ecomct.planning.devices import GIB, Cluster
from ecomct.planning.shadow import Peak, Setting
from ecomct.planning.shape import Shape

Strategy = Literal["single", "ddp", "fsdp", "zero2"]
# Elements of a bucket of ZeRO-2 on CUDA and on a CPU: see ecomct.training.deepspeed_config.
_BUCKET, _BUCKET_CPU = 500_000_000, 5_000_000
# Estimates: the driver's context, cuBLAS and NCCL; what the caching allocator cannot reuse; an interpreter with its libraries.
_CONTEXT = GIB
_FRAGMENTS = 0.05
_PROCESS = 2 * GIB


@dataclass(frozen=True)
class Choice:
    """One way to train: what the planner may change."""

    cluster: Cluster
    strategy: Strategy
    offload: bool
    recompute: bool
    rows: int

    def accumulation(self, batch: int) -> int:
        """Micro-batches of a process in one step."""
        return batch // (self.rows * self.cluster.world)

    def named(self) -> str:
        """The choice in a recipe's words."""
        offload = " + offload" if self.offload else ""
        kept = "recompute" if self.recompute else "keep"
        return f"{self.cluster}, {self.strategy}{offload}, {kept}, micro-batch {self.rows}"


@dataclass(frozen=True)
class Job:
    """What every choice has in common."""

    shape: Shape
    length: int
    batch: int
    bf16: bool
    average: bool
    dense_bias: bool
    trace: Callable[[Setting], Peak]


@dataclass(frozen=True)
class Need:
    """Bytes by part: of the fullest device, and of one machine's host memory beside what devices on the host need."""

    device: dict[str, int]
    host: dict[str, int]

    @property
    def on_device(self) -> int:
        """Bytes of the fullest device."""
        return sum(self.device.values())

    @property
    def on_host(self) -> int:
        """Bytes of a machine's host memory."""
        return sum(self.host.values())


def need(job: Job, choice: Choice) -> Need:
    """Return what `choice` takes, from the second step on (Adam's moments exist) and at the height of a micro-batch."""
    peak = job.trace(_setting(job, choice))
    size, world = 4 * job.shape.parameters, choice.cluster.world
    share = -(-size // world)
    width = 2 if job.bf16 else 4
    shards, accumulates = choice.strategy in ("fsdp", "zero2"), choice.accumulation(job.batch) > 1
    parts = {
        "weights": {"fsdp": share, "zero2": size * width // 4}.get(choice.strategy, size),
        "gradients": peak.parts.get("gradients", 0) + (share if shards else 0),
        "optimizer": 2 * (share if shards else size),
        "average": (share if choice.strategy == "fsdp" else size) if job.average else 0,
        "activations": peak.parts.get("activations", 0),
        "attention workspace": peak.parts.get("attention", 0) + _dense_bias(job, choice),
        "loss chunk": peak.parts.get("loss", 0),
        "weights in bf16": peak.parts.get("weights in bf16", 0),
        "buckets": _buckets(job, choice),
    }
    if choice.strategy == "fsdp" and accumulates:
        parts["gradients"] += size
    if choice.strategy == "zero2":
        parts["optimizer"] = 0 if choice.offload else 3 * share
    if not shards and not accumulates:
        # All gradients are there when the optimizer steps, and the activations are gone.
        late = size - sum(peak.parts.values())
        parts["gradients"] += max(0, late)
    parts["allowance"] = allowance(parts, choice.cluster.device.on_host)
    return Need(parts, {} if choice.cluster.device.on_host else _host(job, choice))


def allowance(parts: dict[str, int], on_host: bool) -> int:
    """Estimate what stands beside tensors: on CUDA the context (1 GiB) and 5 % that the allocator cannot reuse.

    On a CPU: see docs/plan.md, where it is measured.
    """
    if on_host:
        return 0
    return _CONTEXT + int(_FRAGMENTS * sum(parts.values()))


def _setting(job: Job, choice: Choice) -> Setting:
    shards = choice.strategy in ("fsdp", "zero2")
    accumulates = choice.accumulation(job.batch) > 1
    return Setting(
        rows=choice.rows,
        length=job.length,
        recompute=choice.recompute,
        weights=torch.bfloat16 if shards and job.bf16 else torch.float32,
        autocast=job.bf16 and not shards,
        gradients="handed on" if shards else "kept" if accumulates else "grown",
        fused=not choice.cluster.device.on_host,
    )


def _buckets(job: Job, choice: Choice) -> int:
    """Buffers of communication; for FSDP the gathered weights: embeddings, a layer and the one that is fetched ahead."""
    size, width, on_host = 4 * job.shape.parameters, 2 if job.bf16 else 4, choice.cluster.device.on_host
    if choice.strategy == "ddp":
        return size
    if choice.strategy == "fsdp":
        return width * (job.shape.table + 2 * job.shape.layer)
    if choice.strategy == "zero2":
        return width * (_BUCKET_CPU if on_host else 2 * _BUCKET)
    return 0


def _dense_bias(job: Job, choice: Choice) -> int:
    """`attention: sdpa` on CUDA reads ALiBi from a table: rows x heads x length squared, 2 bytes, 4 in fp32."""
    if not job.dense_bias or choice.cluster.device.on_host or job.shape.kind != "bloom":
        return 0
    return choice.rows * job.shape.heads * job.length**2 * (2 if job.bf16 else 4)


def _host(job: Job, choice: Choice) -> dict[str, int]:
    """A machine's host memory. Every process opens the model in float32; for ZeRO-2 in bfloat16 it holds the masters as well.

    That is over when the first step begins; what is highest counts.
    """
    size, nodes, local = 4 * job.shape.parameters, choice.cluster.nodes, choice.cluster.a_node
    offloaded = 4 * size // nodes if choice.offload else 0
    both = choice.strategy == "zero2" and job.bf16
    opening = local * size * (2 if both else 1)
    handing_over = local * size + offloaded if both else 0
    # The first process writes a checkpoint from a whole copy of the weights.
    running = offloaded + size
    parts = {"processes": local * _PROCESS, "optimizer": offloaded, "a checkpoint being written": size}
    return parts | {"start: every process opens the model": max(0, opening - running, handing_over - running)}


def with_rows(choice: Choice, rows: int) -> Choice:
    """The same choice with another micro-batch."""
    return replace(choice, rows=rows)
