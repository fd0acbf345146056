"""The recipe's training part in the terms of transformers' Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import torch
from transformers import TrainingArguments

from ecomct.recipe.model import Training
from ecomct.training.deepspeed_config import deepspeed_config
from ecomct.training.parallel import Strategy, accumulation_steps

Precision = Literal["bf16", "fp32"]


def choose_precision(wanted: Literal["auto", "bf16", "fp32"]) -> Precision:
    """Resolve "auto": bf16 autocast on CUDA where the device computes it; on a CPU fp32, for equal bytes on every CPU."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def arguments(
    training: Training,
    steps: int,
    seed: int,
    precision: Precision,
    work: Path,
    use_cache: bool,
    strategy: Strategy = "none",
    world: int = 1,
) -> TrainingArguments:
    """Translate the recipe's training part for one of `world` processes."""
    on_cuda, bf16 = torch.cuda.is_available(), precision == "bf16"
    made = TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=training.micro_batch_size,
        gradient_accumulation_steps=accumulation_steps(training, world),
        max_steps=steps,
        train_sampling_strategy="sequential",
        optim="adamw_torch_fused",
        learning_rate=training.learning_rate,
        adam_beta1=training.adam_betas[0],
        adam_beta2=training.adam_betas[1],
        adam_epsilon=training.adam_epsilon,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        bf16=bf16,
        use_cpu=not on_cuda,
        seed=seed,
        data_seed=seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=training.save_every or steps,
        dataloader_pin_memory=on_cuda,
        remove_unused_columns=False,
        activation_checkpointing=training.activations == "recompute",
        activation_checkpointing_kwargs={"use_reentrant": False},
        ddp_find_unused_parameters=False,
        fsdp=cast(Any, True) if strategy == "fsdp" else None,  # its annotation is of an older form
        fsdp_config={"version": 2} if strategy == "fsdp" else None,
        deepspeed=deepspeed_config(training, bf16, world) if strategy == "zero2" else None,
        # Trainer writes this into the model's configuration, and so into config.json.
        use_cache=use_cache,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        log_level_replica="error",
    )
    # Without a launcher Trainer would spread a batch over all visible GPUs by DataParallel.
    if made.n_gpu > 1:
        made._n_gpu = 1
    return made
