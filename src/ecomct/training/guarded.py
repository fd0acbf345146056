"""transformers' Trainer whose learning rates are ours and whose steps a guard may leave out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, cast

import torch
from transformers import Trainer

from ecomct.errors import InputError
from ecomct.recipe.training import Training
from ecomct.training.schedules import make_schedule
from ecomct.training.stability import Guard, Incident, stop_message


class GuardedTrainer(Trainer):
    """Before the optimizer moves, the batch is judged by its mean loss over all processes and its gradient norm.

    A step that is left out changes neither weights nor moments: the optimizer meets no gradients. Data,
    schedule and step count go on. Under DeepSpeed, which moves inside the backward pass, the step is refused
    the way it refuses an overflow.
    """

    def __init__(self, *args: Any, training: Training, history: Iterable[Mapping[str, Any]] = (), **kwargs: Any) -> None:
        """Take Trainer's arguments, the recipe's settings and the records of the steps that are behind."""
        super().__init__(*args, **kwargs)
        self._training = training
        self._guard = Guard(training.stability, history)
        self._batch_loss: torch.Tensor | None = None
        self._incident: Incident | None = None
        self._gated = False

    @property
    def left_out(self) -> bool:
        """Whether the step that is being finished does not move the weights."""
        return self._incident is not None and self._incident.action == "left out"

    def note_incident(self, incident: Incident, loss: float, norm: float) -> None:
        """Called, on every process, with an incident that ends the run, before it does."""

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        if self.lr_scheduler is None:
            self.lr_scheduler = make_schedule(
                cast(torch.optim.Optimizer, optimizer or self.optimizer), self._training, num_training_steps
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        if self.is_deepspeed_enabled and not self._gated:
            gate_zero(self._zero(), self._refused)
            self._gated = True
        found: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = (found[0] if return_outputs else found).detach()
        self._batch_loss = loss if self._batch_loss is None else self._batch_loss + loss
        return found

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)
        if hasattr(norm, "full_tensor"):
            norm = norm.full_tensor()
        loss, size = self._mean_loss(), float(norm)
        if self._incident is None or self._incident.action == "recorded":
            self._incident = self._guard.judge(loss, size)
        if self.is_deepspeed_enabled:
            # What DeepSpeed left out, Trainer would not count: the schedule would stand still.
            self._zero().overflow = False
        if (incident := self._incident) is None:
            return norm
        step = self.state.global_step + 1
        if incident.action == "stopped":
            self.note_incident(incident, loss, size)
            raise InputError(stop_message(incident, step, loss, size))
        if incident.action == "left out":
            try:
                self._guard.demand_progress(step)
            except InputError:
                self.note_incident(incident, loss, size)
                raise
            # AdamW passes over parameters without a gradient: no moment decays, no count goes up.
            cast(torch.optim.Optimizer, self.optimizer).zero_grad()
        return norm

    def complete_record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the finished step's record with its incident, numbers that are none as None, and go on to the next step."""
        if self._incident is not None:
            record = {**record, "incident": asdict(self._incident)}
        if not math.isfinite(record["loss"]):
            self._tr_loss.zero_()  # Trainer subtracts what it logged; a NaN would stay
        self._batch_loss = self._incident = None
        record = without_nan(record)
        self._guard.finished(record)
        return record

    def _zero(self) -> Any:
        """DeepSpeed's optimizer."""
        return cast(Any, self.deepspeed).optimizer

    def _mean_loss(self) -> float:
        assert self._batch_loss is not None, "a step follows its batch"
        return float(self.accelerator.gather(self._batch_loss).mean())

    def _refused(self) -> bool:
        """Judge a batch under DeepSpeed, before the gradient norm is known."""
        self._incident = self._guard.judge(self._mean_loss(), 0.0)
        return self._incident is not None and self._incident.action != "recorded"


def without_nan(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with None for NaN and infinities, which JSON does not have."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in record.items()}


def gate_zero(optimizer: Any, refused: Callable[[], bool]) -> None:
    """Make a ZeRO-1 or -2 optimizer of DeepSpeed treat a step as an overflow where `refused()`.

    It then drops the gradients and leaves weights and moments alone; gradients that are not finite
    are refused by its own check, which is switched on for every precision.
    """
    own = optimizer.check_overflow

    def check(*args: Any, **kwargs: Any) -> None:
        own(*args, **kwargs)
        optimizer.overflow = refused() or optimizer.overflow

    optimizer.check_overflow = check
    optimizer.check_grad_overflow = True
