"""DeepSpeed's ZeRO-2 as the recipe asks for it: its configuration, what a process needs for it, what it really does."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from ecomct.errors import InputError
from ecomct.recipe.training import Training

# Elements; gradients are reduced in buckets of this size, which are allocated whole.
_BUCKET, _BUCKET_CPU = 500_000_000, 5_000_000


def prepare_process() -> None:
    """Make DeepSpeed importable and usable in this process; call before anything imports it.

    On a CPU no kernel is compiled: its shared-memory collectives are switched off (gloo does the
    same work) and torch's AdamW takes the steps, so that no compiler is needed and bytes do not depend on one.

    Raises:
        InputError: DeepSpeed is not installed.
    """
    if importlib.util.find_spec("deepspeed") is None:
        raise InputError("training.parallel.strategy: zero2 needs DeepSpeed; pip install 'ecomct[deepspeed]'")
    # ninja, which compiles its kernels, lies beside the interpreter of an environment that was not activated.
    beside = str(Path(sys.executable).parent)
    if beside not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = beside + os.pathsep + os.environ.get("PATH", "")
    if not torch.cuda.is_available():
        os.environ["DS_ACCELERATOR"] = "cpu"
    import deepspeed.ops
    from deepspeed.utils import logger

    logger.setLevel("ERROR")
    # It remarks that DeepSpeed's accumulation steps are not its own.
    logging.getLogger("accelerate").setLevel("ERROR")
    if not torch.cuda.is_available():
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def deepspeed_config(training: Training, bf16: bool, world: int) -> dict[str, Any]:
    """Return DeepSpeed's configuration for this training and number of processes.

    Gradients accumulate in float32 (DeepSpeed's default with bf16 is bf16, 3 % off at 256 micro-batches). There is
    no optimizer block: Trainer's two groups stay, so norms and biases are not decayed.
    """
    on_cuda = torch.cuda.is_available()
    zero: dict[str, Any] = {
        "stage": 2,
        "contiguous_gradients": True,
        "reduce_scatter": True,
        "overlap_comm": on_cuda,
        "reduce_bucket_size": _BUCKET if on_cuda else _BUCKET_CPU,
        "allgather_bucket_size": _BUCKET if on_cuda else _BUCKET_CPU,
    }
    if training.parallel.offload == "optimizer":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": on_cuda}
    compiled = on_cuda and shutil.which("c++") is not None and shutil.which("ninja") is not None
    return {
        "bf16": {"enabled": bf16},
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": zero,
        # Without a compiler torch's AdamW takes the offloaded steps instead of DeepSpeedCPUAdam.
        "zero_force_ds_cpu_optimizer": compiled,
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": training.max_grad_norm,
        "train_micro_batch_size_per_gpu": training.micro_batch_size,
        "gradient_accumulation_steps": training.batch_size // (training.micro_batch_size * world),
        "train_batch_size": training.batch_size,
        "steps_per_print": 1 << 31,
    }


def describe_engine(engine: Any) -> dict[str, Any]:
    """Return what a running engine does, read from it and not from its configuration."""
    zero = engine.optimizer
    masters = zero.single_partition_of_fp32_groups
    return {
        "offload": bool(zero.cpu_offload),
        "gradients": "partitioned" if zero.partition_gradients else "whole",
        "masters": sorted({f"{str(one.dtype).removeprefix('torch.')} on {one.device.type}" for one in masters}),
        "accumulation": str(zero.gradient_accumulation_dtype).removeprefix("torch."),
        "optimizer": type(zero.optimizer).__name__,
        "decay": [group["weight_decay"] for group in zero.param_groups],
    }
