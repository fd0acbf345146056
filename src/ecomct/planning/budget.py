"""Steps, time and disk of a training."""

from __future__ import annotations

from dataclasses import dataclass

import datasets

from ecomct.planning.devices import Cluster
from ecomct.planning.shape import Shape
from ecomct.recipe.model import Recipe
from ecomct.run_folder import RunFolder

_DAY = 86_400.0


@dataclass(frozen=True)
class ArmLength:
    """Tokens that an arm trains on, where the number comes from, and its optimizer steps; None where nobody knows yet."""

    arm: str
    tokens: int | None
    source: str
    steps: int | None


def arm_lengths(recipe: Recipe, run: RunFolder | None, tokens: int | None) -> list[ArmLength]:
    """Return how long each arm of the recipe trains.

    The first that is known: --tokens; training.max_steps; what the pack stage made in the run's folder; blend.tokens.
    Sequences are counted full, as they nearly are.
    """
    a_step = recipe.training.batch_size * recipe.sequences.length
    found = []
    for arm in recipe.training.arms:
        rows = None if run is None else _packed_rows(run, arm)
        if tokens is not None:
            given, source = tokens, "--tokens"
        elif recipe.training.max_steps is not None:
            given, source = recipe.training.max_steps * a_step, "training.max_steps"
        elif rows is not None:
            given, source = rows * recipe.sequences.length, "the packed sequences"
        elif recipe.blend.tokens is not None:
            given, source = recipe.blend.tokens, "blend.tokens"
        else:
            found.append(ArmLength(arm, None, "unknown before the pack stage; give --tokens", None))
            continue
        found.append(ArmLength(arm, given, source, max(1, given // a_step)))
    return found


def _packed_rows(run: RunFolder, arm: str) -> int | None:
    folder = run.sequences / arm
    return len(datasets.load_from_disk(folder)) if (folder / "state.json").is_file() else None


@dataclass(frozen=True)
class Speed:
    """At a stated share of the peak: tokens a second of all devices, seconds a step, operations a token. None: not known."""

    mfu: float
    flops_per_token: float | None
    tokens_per_second: float | None
    seconds_per_step: float | None

    def days(self, tokens: int | None) -> float | None:
        """Days for so many tokens."""
        return None if tokens is None or self.tokens_per_second is None else tokens / self.tokens_per_second / _DAY


def speed(shape: Shape, cluster: Cluster, mfu: float, tokens_a_step: int) -> Speed:
    """Return the speed at `mfu`: devices x peak x mfu / operations a token.

    Operations a token: 6 for each weight that multiplies and 12 x layers x width x length for attention
    (Chowdhery et al., 2022, appendix B); what recomputing adds is not among them, by the meaning of MFU.
    """
    if shape.flops is None or cluster.device.peak is None:
        return Speed(mfu, shape.flops, None, None)
    rate = cluster.world * cluster.device.peak * mfu / shape.flops
    return Speed(mfu, shape.flops, rate, tokens_a_step / rate)


def disk(recipe: Recipe, shape: Shape, lengths: list[ArmLength]) -> dict[str, int]:
    """Return bytes of the run's folder that training writes, by part.

    A checkpoint is float32 weights (4P) and Adam's moments (8P), whole and the same for every strategy, and the
    average's 4P. Published weights are hard links to it. keep_states of them stay while an arm trains, one more while it
    is written; arms train one after the other, and what is left of each is its published weights.
    """
    training, size = recipe.training, 4 * shape.parameters
    averaged = 2 if training.average == "ema" else 1
    final = published = states = 0
    for one in lengths:
        saves = 0 if one.steps is None or training.save_every is None else (one.steps - 1) // training.save_every
        final += averaged * size
        published += saves * size
        if saves:
            # A kept state's weights are links to published ones; that being written is not published yet.
            kept = min(training.keep_states, saves)
            states = max(states, (kept + 1) * (2 + averaged - 1) * size + size)
    sequences = sum((one.tokens or 0) * 4 for one in lengths)
    return {
        "base model": size,
        "final weights of the arms": final,
        "weights of intermediate checkpoints": published,
        "states of the arm that trains": states,
        "sequences": sequences,
    }
