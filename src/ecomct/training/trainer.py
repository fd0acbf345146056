"""transformers' Trainer with whole checkpoints, guarded steps and records without clocks, in one process or many."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, TrainingArguments

from ecomct.recipe.model import Training
from ecomct.training.batches import COLLATORS, Sequences
from ecomct.training.checkpoints import keep_last, publish, seal
from ecomct.training.guarded import GuardedTrainer, without_nan
from ecomct.training.model import save_weights
from ecomct.training.packing import Packing
from ecomct.training.parallel import Group
from ecomct.training.signals import received
from ecomct.training.stability import Incident
from ecomct.training.states import load_random, load_states, save_states, set_masters, whole_weights
from ecomct.training.step_log import StepLog
from ecomct.training.tensor_files import disk_error

METRICS = ("step", "tokens", "loss", "learning_rate", "grad_norm")


class Companion(Protocol):
    """State that lives beside the weights and goes into every checkpoint with them. Every process calls every method."""

    trainer: Any

    def save(self, stage: Path) -> None:
        """Write to the staged checkpoint, from the first process only; gather where state is shared."""

    def load(self, checkpoint: Path) -> None:
        """Take up what `save` left; called once, when the optimizer has its state."""


class _StopAtSignal(TrainerCallback):
    """A signal to any process stops all of them after the same step, with a checkpoint."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self.number = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.number = self._group.most(received())
        if self.number and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True


class ArmTrainer(GuardedTrainer):
    """Trains one arm; every `save_every` steps and at the end it leaves a whole checkpoint in `args.output_dir`.

    Order, optimizer, clipping and the split into decayed and undecayed parameters are Trainer's. Losses are
    sums over predictions divided by the predictions of the whole batch, over all processes. Step s sees
    sequences s * B up to (s + 1) * B, whatever shares them; each process reads its own.
    The model comes with the weights to start from, a checkpoint's where one is continued.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        sequences: Sequences,
        packing: Packing,
        *,
        training: Training,
        out: Path,
        group: Group,
        on_progress: Callable[[int, int], None] | None,
        masters: dict[str, torch.Tensor] | None = None,
        companions: Sequence[Companion] = (),
        callbacks: Sequence[TrainerCallback] = (),
        history: Sequence[Mapping[str, Any]] = (),
        step_log: StepLog | None = None,
    ) -> None:
        """Prepare; `masters` are float32 weights by name for ZeRO-2, whose model is opened in bf16.

        `history` are the records of the steps behind; `step_log` is the first process's.
        """
        self._stop = _StopAtSignal(group)
        super().__init__(
            model=model,
            args=args,
            train_dataset=sequences,
            data_collator=COLLATORS[packing],
            callbacks=[self._stop, *callbacks],
            training=training,
            history=history,
        )
        self.remove_callback(PrinterCallback)
        self._sequences, self._out, self._on_progress, self._step_log = sequences, out, on_progress, step_log
        self._group, self._masters, self._companions = group, masters, companions
        self._work = Path(cast(str, args.output_dir))
        for companion in companions:
            companion.trainer = self

    @property
    def stopped_by(self) -> int:
        """The signal that ended training before its last step, or 0."""
        return self._stop.number if self.state.global_step < self.state.max_steps else 0

    def _prepare_for_training(self, max_steps: int, train_dataloader: Any, resume_from_checkpoint: str | None) -> Any:
        # Trainer itself would read a checkpoint in the form of the strategy; ours have one form.
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        if self._masters is not None:
            set_masters(cast(torch.nn.Module, self.model), self._masters)
            self._masters = None
        if resume_from_checkpoint is not None:
            checkpoint = Path(resume_from_checkpoint)
            load_states(checkpoint, cast(torch.nn.Module, self.model), self._bare_optimizer(), self.lr_scheduler)
            for companion in self._companions:
                companion.load(checkpoint)
        return prepared

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        """Nothing: the model was opened from the checkpoint."""

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            load_random(Path(checkpoint), self._group.rank)

    def _bare_optimizer(self) -> Any:
        """The optimizer under accelerate's wrapper: torch's, or ZeRO's."""
        if self.is_deepspeed_enabled:
            return cast(Any, self.deepspeed).optimizer
        return getattr(self.optimizer, "optimizer", self.optimizer)

    def note_incident(self, incident: Incident, loss: float, norm: float) -> None:
        if self._step_log is not None:
            record = {"step": self.state.global_step + 1, "loss": loss, "grad_norm": norm, "incident": asdict(incident)}
            self._step_log.incident(without_nan(record))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep one record a step, of values that depend on the data and the weights alone. Every process calls."""
        if "loss" not in logs:
            return
        step = self.state.global_step
        tokens = self._sequences.tokens(step * self._training.batch_size)
        record = self.complete_record({"step": step, "tokens": tokens, **logs})
        self.state.log_history.append(record)
        if not self._group.is_first:
            return
        with open(self._out / "metrics.jsonl", "a", encoding="utf-8") as handle:
            handle.write(metrics_line(record))
        if self._step_log is not None:
            self._step_log.finished(record)
        if self._on_progress is not None:
            self._on_progress(step, self.state.max_steps)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Stage, seal and rename a checkpoint; publish its weights; drop the oldest.

        The first process writes everything. A refusal of the disk is raised when no process waits for it.
        """
        step, stage = self.state.global_step, self._work / ".stage"
        bare = cast(PreTrainedModel, self.accelerator.unwrap_model(self.model))
        shared = self.is_fsdp_enabled or self.is_deepspeed_enabled
        weights = whole_weights(bare, self._group) if shared else None

        def begin() -> None:
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir(parents=True)
            try:
                save_weights(bare, stage, weights)
            except SafetensorError as error:
                raise disk_error(error, stage) from error
            self.state.save_to_json(str(stage / "trainer_state.json"))

        def finish() -> None:
            if refused is not None:
                raise refused
            seal(stage, self._work / f"checkpoint-{step}", step)
            if step < self.state.max_steps:
                publish_step(self._work / f"checkpoint-{step}", step, self._out, self._training)
            keep_last(self._work, self._training.keep_states)

        refused = None
        try:
            self._group.first(begin)
            if step < self.state.max_steps:  # after the last step only the weights are of use
                refused = save_states(stage, bare, self._bare_optimizer(), self.lr_scheduler, self._group)
            for companion in self._companions:
                companion.save(stage)
            self._group.first(finish)
        except OSError:
            # Gives the room back; the checkpoint before this one is whole.
            shutil.rmtree(stage, ignore_errors=True)
            raise


def metrics_line(record: dict[str, Any]) -> str:
    """Return a step's record as one line of JSON, its fields in a fixed order."""
    return json.dumps({name: record[name] for name in METRICS}) + "\n"


def publish_step(checkpoint: Path, step: int, out: Path, training: Training) -> None:
    """Publish an intermediate checkpoint's weights as `out`/checkpoints/step-N; not those that only a signal asked for."""
    if training.save_every and step % training.save_every == 0:
        publish(checkpoint, out / "checkpoints" / f"step-{step}", checkpoint.parent)
