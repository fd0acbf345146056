"""How the recipe tunes trained models to follow instructions. The paper gives no value: every default here is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator
from pydantic.config import JsonDict

from ecomct.recipe.source import Name, Part
from ecomct.recipe.training import Arm, Schedule, Training

if TYPE_CHECKING:
    from ecomct.recipe.model import Recipe

_ONLY_NAMES: JsonDict = {"additionalProperties": False}


class InstructionSet(Part):
    """Examples of one task: a task folder in EcomInstruct form, or JSON lines of prompt and completion or of messages."""

    path: str = Field(min_length=1, description="Task folder (meta-info.json with test.json, train.json or both), or JSONL.")
    role: Literal["held-in", "held-out"] = Field("held-in", description="held-out: only tested, never trained on.")
    task: Name | None = Field(None, description="Task it is of; None: the last part of the folder's name, or the set's name.")
    dataset: Name | None = Field(None, description="Data set it is of; None: by the folder's name, or the set's name.")
    test_share: float = Field(
        0.1, ge=0, lt=1, description="Share of a held-in set kept for testing, by seed; with train.json it is split already."
    )
    limit: int | None = Field(None, gt=0, description="Most examples trained on, drawn by seed.")
    scorer: Literal["auto", "spans", "choice", "rouge"] = Field(
        "auto", description="How its test items are scored. auto: by the task's type; rouge for JSON lines."
    )
    max_new_tokens: int = Field(48, gt=0, description="Longest answer that is generated in a test.")


class Lora(Part):
    """Low-rank adapters (Hu et al., 2022), by peft."""

    rank: int = Field(16, gt=0, description="Rank of the update of a matrix.")
    alpha: float = Field(32.0, gt=0, description="The update is scaled by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of an adapter's inputs left out in training.")
    targets: list[str] = Field(
        [], description="Names of the linear layers that get one; none: peft's choice for the architecture; or [all-linear]."
    )


class Tuning(Part):
    """Supervised tuning after pre-training, with the loss on completions only. What is not set here is as in `training`."""

    sets: dict[Name, InstructionSet] = Field(min_length=1, json_schema_extra=_ONLY_NAMES, description="Instructions, by name.")
    models: list[Literal["base"] | Arm] = Field([], description="Models that are tuned; none: the base and every arm.")
    split: Literal["task", "dataset"] = Field(
        "task", description="What held-in and held-out sets must not share: the task; or neither task nor data set."
    )
    method: Literal["full", "lora"] = Field("full", description="All weights, or low-rank adapters that are merged at the end.")
    lora: Lora = Lora()
    length: int | None = Field(None, ge=16, description="Tokens of a packed sequence; None: sequences.length.")
    most_cut: float = Field(
        0.5, ge=0, lt=1, description="A prompt too long loses at most this share at its beginning; else the example is left out."
    )
    epochs: int = Field(3, gt=0, description="Passes over the examples, packed anew in each.")
    max_steps: int | None = Field(None, gt=0, description="Optimizer steps; None: all epochs.")
    batch_size: int = Field(64, gt=0, description="Packed sequences an optimizer step, over all processes.")
    micro_batch_size: int = Field(1, gt=0, description="Sequences a forward pass and process.")
    learning_rate: float = Field(2e-5, gt=0, description="About ten times as much suits lora.")
    schedule: Schedule = Field("cosine", description="As in `training`.")
    warmup_steps: int = Field(0, ge=0, description="Steps of linear rise.")
    min_learning_rate: float = Field(0.0, ge=0, le=1, description="Where the schedule ends, as a share of learning_rate.")
    weight_decay: float = Field(0.0, ge=0, description="On matrices only.")
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are clipped to this norm.")
    save_every: int | None = Field(None, gt=0, description="Steps between checkpoints; None: only the end.")

    @model_validator(mode="after")
    def _whole(self) -> Tuning:
        if self.batch_size % self.micro_batch_size:
            raise ValueError(f"batch_size ({self.batch_size}) is not a multiple of micro_batch_size ({self.micro_batch_size})")
        if len(set(self.models)) != len(self.models):
            raise ValueError("models names one model twice")
        if all(one.role == "held-out" for one in self.sets.values()):
            raise ValueError("sets has no held-in set, so there is nothing to train on")
        return self

    def training(self, training: Training, steps: int) -> Training:
        """Settings for the trainer: `training` with what is said here, for `steps` optimizer steps."""
        own = (
            "batch_size",
            "micro_batch_size",
            "learning_rate",
            "schedule",
            "warmup_steps",
            "min_learning_rate",
            "weight_decay",
            "max_grad_norm",
            "save_every",
        )
        return training.model_copy(update={name: getattr(self, name) for name in own} | {"max_steps": steps})


def tuning_problems(recipe: Recipe) -> list[str]:
    """What the tuning part alone cannot show: models that are not trained, names and sizes that do not go together."""
    tuning = recipe.tuning
    if tuning is None:
        return []
    problems = [
        f"tuning.models[{index}]: the recipe trains no arm {model}; add it to training.arms or leave it out"
        for index, model in enumerate(tuning.models)
        if model not in ("base", *recipe.training.arms)
    ]
    problems += [
        f"tuning.sets.{name}: evaluation.tasks has this name too; rename one"
        for name in tuning.sets
        if name in recipe.evaluation.tasks
    ]
    processes, strategy = recipe.training.parallel.processes, recipe.training.parallel.strategy
    if tuning.batch_size % (tuning.micro_batch_size * processes):
        shown = f"({tuning.batch_size}) is not a multiple of micro_batch_size x training.parallel.processes"
        problems.append(f"tuning.batch_size: {shown} ({tuning.micro_batch_size} x {processes})")
    if tuning.method == "lora" and strategy in ("fsdp", "zero2"):
        problems.append(f"tuning.method: lora has nothing for {strategy} to share; set parallel.strategy: ddp, or method: full")
    return problems
