"""transformers' Trainer with whole checkpoints, a stop at the first NaN and records without clocks."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import torch
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainingArguments

from ecomct.errors import InputError
from ecomct.recipe.model import Training
from ecomct.training.batches import COLLATORS, Sequences
from ecomct.training.by_source import LossBySource, losses_line
from ecomct.training.checkpoints import keep_last, publish, seal
from ecomct.training.model import save_weights
from ecomct.training.packing import Packing

Precision = Literal["bf16", "fp32"]
# The line of losses.jsonl in a step's record: a checkpoint keeps the lines of all steps before it.
LOSSES = "by_source"
METRICS = ("step", "tokens", "loss", "learning_rate", "grad_norm")
_SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def choose_precision(wanted: Literal["auto", "bf16", "fp32"]) -> Precision:
    """Resolve "auto": bf16 autocast on CUDA where the device computes it; on a CPU fp32, for equal bytes on every CPU."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"


def arguments(training: Training, steps: int, seed: int, precision: Precision, work: Path, use_cache: bool) -> TrainingArguments:
    """Translate the recipe's training part for one process on one device."""
    on_cuda = torch.cuda.is_available()
    made = TrainingArguments(
        output_dir=str(work),
        per_device_train_batch_size=training.micro_batch_size,
        gradient_accumulation_steps=training.batch_size // training.micro_batch_size,
        max_steps=steps,
        train_sampling_strategy="sequential",
        optim="adamw_torch_fused",
        learning_rate=training.learning_rate,
        adam_beta1=training.adam_betas[0],
        adam_beta2=training.adam_betas[1],
        adam_epsilon=training.adam_epsilon,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        lr_scheduler_type=_SCHEDULES[training.schedule],
        warmup_steps=training.warmup_steps,
        bf16=precision == "bf16",
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
        # Trainer writes this into the model's configuration, and so into config.json.
        use_cache=use_cache,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    # Without a launcher Trainer would spread a batch over all visible GPUs by DataParallel.
    if made.n_gpu > 1:
        made._n_gpu = 1
    return made


class ArmTrainer(Trainer):
    """Trains one arm; every `save_every` steps and at the end it leaves a whole checkpoint in `args.output_dir`.

    Order, optimizer, schedule, clipping and the split into decayed and undecayed parameters are
    Trainer's. Losses are sums over predictions divided by the predictions of the whole batch.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        sequences: Sequences,
        packing: Packing,
        *,
        batch_size: int,
        out: Path,
        by_source: LossBySource | None,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=sequences, data_collator=COLLATORS[packing])
        self.remove_callback(PrinterCallback)
        self._sequences, self._batch_size, self._out, self._on_progress = sequences, batch_size, out, on_progress
        self._by_source = by_source
        self._work = Path(cast(str, args.output_dir))
        self._stage: Path | None = None

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **kwargs: Any) -> Any:
        """Trainer's, and every token's loss is counted for its source."""
        groups = inputs.pop("groups", None)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **kwargs)
        if self._by_source is not None and groups is not None:
            self._by_source.add(groups, inputs["labels"], outputs.nll)
        return (loss, outputs) if return_outputs else loss

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        self._demand_finite("loss", float(loss))
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        self._demand_finite("gradient norm", float(norm))
        return norm

    def _demand_finite(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise InputError(
                f"training: the {name} is {value} at step {self.state.global_step + 1}; "
                "lower training.learning_rate, raise training.warmup_steps, or look at the data of that step"
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep one record a step, of values that depend on the data and the weights alone."""
        if "loss" not in logs:
            return
        step = self.state.global_step
        record = {"step": step, "tokens": self._sequences.tokens(step * self._batch_size), **logs}
        if self._by_source is not None:
            record[LOSSES] = losses_line(step, self._by_source.take())
        self.state.log_history.append(record)
        for name, line in (("metrics.jsonl", metrics_line(record)), ("losses.jsonl", record.get(LOSSES, ""))):
            if line:
                with open(self._out / name, "a", encoding="utf-8") as handle:
                    handle.write(line)
        if self._on_progress is not None:
            self._on_progress(step, self.state.max_steps)

    def _get_output_dir(self, trial: Any) -> str:
        return super()._get_output_dir(trial) if self._stage is None else str(self._stage)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        # Trainer's own also pickles its arguments, with the absolute paths of this machine.
        save_weights(cast(PreTrainedModel, self.model), Path(output_dir or self._work))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Stage, seal and rename a checkpoint; publish its weights; drop the one before."""
        step, work = self.state.global_step, self._work
        self._stage = work / ".stage"
        shutil.rmtree(self._stage, ignore_errors=True)
        # After the last step only the weights are of use.
        self.args.save_only_model = step >= self.state.max_steps
        try:
            super()._save_checkpoint(model, trial)
            seal(self._stage / f"checkpoint-{step}", work / f"checkpoint-{step}", step)
        finally:
            self._stage = None
        if step < self.state.max_steps:
            publish_step(work / f"checkpoint-{step}", step, self._out, work)
        keep_last(work)


def metrics_line(record: dict[str, Any]) -> str:
    """Return a step's record as one line of JSON, its fields in a fixed order."""
    return json.dumps({name: record[name] for name in METRICS}) + "\n"


def publish_step(checkpoint: Path, step: int, out: Path, work: Path) -> None:
    """Publish an intermediate checkpoint's weights as `out`/checkpoints/step-N."""
    publish(checkpoint, out / "checkpoints" / f"step-{step}", work)
