"""How the recipe trains: optimizer, schedule, stability, processes.

Defaults marked *paper* are EcomGPT-CT's (Ma et al., 2023, section 4 and Table 2); the others are ours.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ecomct.recipe.source import Part

Arm = Literal["general", "domain-separate", "separate", "mixed"]
ARMS: tuple[Arm, ...] = ("general", "domain-separate", "separate", "mixed")
Schedule = Literal["constant", "linear", "cosine", "wsd"]


class Parallel(Part):
    """How many processes train one model, and how they share it. Never changes which sequences a step sees."""

    strategy: Literal["auto", "ddp", "fsdp", "zero2"] = Field(
        "auto",
        description="auto: DDP where several processes run, else none. fsdp: FSDP2. zero2: DeepSpeed ZeRO-2 (*paper*), "
        "needs the extra `deepspeed`.",
    )
    offload: Literal["none", "optimizer"] = Field(
        "none", description="optimizer: with zero2, its state and step are in host memory (*paper*)."
    )
    processes: int = Field(
        1, gt=0, le=1024, description="Processes started on this machine; under torchrun the launcher's number counts."
    )

    @model_validator(mode="after")
    def _fits(self) -> Parallel:
        if self.offload != "none" and self.strategy != "zero2":
            raise ValueError(f"offload: {self.offload} belongs to strategy: zero2")
        return self


class Stability(Part):
    """What to do with a batch that would harm the model. All ours."""

    not_finite: Literal["stop", "skip"] = Field(
        "stop", description="A loss or gradient that is not a number: stop the run, or leave the step out and record its rows."
    )
    spike: Literal["off", "record", "skip", "stop"] = Field(
        "record", description="A loss far above the last ones: note it, leave the step out, or stop; with the rows of the batch."
    )
    deviations: float = Field(8.0, gt=0, description="How far is far: robust deviations (1.4826 MAD) over the median.")
    window: int = Field(64, ge=8, description="Steps that median and deviation look back.")
    most_skipped: int = Field(10, ge=1, description="So many steps left out in a row stop the run.")


class Training(Part):
    """Continual pre-training (paper, Table 2)."""

    arms: list[Arm] = Field(
        list(ARMS), min_length=1, description="The paper's four; the base model is always scored beside them."
    )
    max_steps: int | None = Field(None, gt=0, description="Optimizer steps; None: one pass over the arm.")
    batch_size: int = Field(2048, gt=0, description="*paper*: 2048 sequences an optimizer step, over all processes.")
    micro_batch_size: int = Field(
        1, gt=0, description="Sequences a forward pass and process; changes speed and memory, not the objective."
    )
    learning_rate: float = Field(2e-5, gt=0, description="*paper*: 3e-5 for 3B, 2e-5 for 7B1.")
    adam_betas: tuple[float, float] = Field((0.9, 0.95), description="*paper*: (0.9, 0.95)")
    adam_epsilon: float = Field(1e-8, gt=0, description="Ours.")
    weight_decay: float = Field(0.1, ge=0, description="*paper*: 0.1; never on biases and norms (ours).")
    schedule: Schedule = Field(
        "cosine",
        description="Ours: the paper names none. wsd: constant, then a linear fall over the last decay_share of the steps.",
    )
    warmup_steps: int = Field(
        0, ge=0, description="Ours: steps of linear rise to learning_rate; on a trained model this is re-warming."
    )
    min_learning_rate: float = Field(0.0, ge=0, le=1, description="Ours: where a schedule ends, as a share of learning_rate.")
    decay_share: float = Field(0.2, gt=0, le=1, description="Ours: last share of the steps in which wsd falls.")
    max_grad_norm: float = Field(1.0, gt=0, description="Ours: gradients are clipped to this norm.")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the hardware computes it.")
    attention: Literal["auto", "sdpa", "flex"] = Field(
        "auto", description="Kernel of exact BLOOM attention. auto: FlexAttention on CUDA, SDPA elsewhere."
    )
    loss_kernel: Literal["auto", "chunked", "liger"] = Field(
        "auto", description="Loss without logits. auto: ours; liger: its Triton kernel (CUDA, extra `liger`)."
    )
    activations: Literal["keep", "recompute"] = Field(
        "keep", description="recompute: each layer is computed again in the backward pass; less memory, a third more work."
    )
    average: Literal["none", "ema"] = Field(
        "none", description="Ours. ema: beside the weights, their exponential moving average is kept and saved."
    )
    average_decay: float = Field(0.999, gt=0, lt=1, description="Ours: weight of the past in the average.")
    save_every: int | None = Field(None, gt=0, description="Steps between checkpoints; None: only the end.")
    keep_states: int = Field(
        1, gt=0, description="Checkpoints kept with optimizer state while an arm trains; weights of all are kept."
    )
    log_to: list[Literal["tensorboard", "trackio", "wandb"]] = Field(
        [], description="Trackers beside metrics.jsonl; each must be installed."
    )
    threads: int | None = Field(None, gt=0, description="CPU threads of torch; fixes the bytes of a CPU run.")
    parallel: Parallel = Parallel()
    stability: Stability = Stability()

    def deciding(self) -> dict[str, Any]:
        """The settings that decide what an arm's weights are made from: a change of any other continues an unfinished arm.

        Not among them: which arms, the number of processes (sums in another order, nothing else), what is kept and watched.
        """
        others: Any = {"arms": True, "keep_states": True, "log_to": True, "parallel": {"processes"}}
        return self.model_dump(mode="json", exclude=others)

    @model_validator(mode="after")
    def _whole(self) -> Training:
        if not all(0 <= beta < 1 for beta in self.adam_betas):
            raise ValueError(f"adam_betas {list(self.adam_betas)} are not both from 0 up to below 1")
        if self.batch_size % self.micro_batch_size:
            raise ValueError(f"batch_size ({self.batch_size}) is not a multiple of micro_batch_size ({self.micro_batch_size})")
        if self.batch_size % (self.micro_batch_size * self.parallel.processes):
            raise ValueError(
                f"batch_size ({self.batch_size}) is not a multiple of micro_batch_size x parallel.processes "
                f"({self.micro_batch_size} x {self.parallel.processes})"
            )
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("arms names one arm twice")
        return self
