"""The training loss of a step by the source and the language of the rows its predicted tokens belong to."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import torch

from ecomct.packing.sequence import LANGUAGES
from ecomct.training.loss import IGNORED

# {source: {language: [mean loss in nats, predicted tokens]}}
Losses = dict[str, dict[str, list[Any]]]


class LossBySource:
    """Sums of the losses of a step's tokens by group; a group is one language of one source.

    `add` takes the tokens of a micro-batch, `take` ends the step. Sums are float64 and made in the order
    of the micro-batches, then of the processes: equal losses give equal bytes. Memory: two numbers a
    group, on the device of the losses; nothing waits for the device before `take`.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        """`sources`: names in the order of the recipe, which row numbers count by."""
        self._names = [(source, language) for source in sources for language in LANGUAGES]
        self._sums: torch.Tensor | None = None

    def add(self, groups: torch.Tensor, labels: torch.Tensor, nll: torch.Tensor) -> None:
        """Count the predictions of a micro-batch.

        Args:
            groups: int (rows, length), of each token source x languages + language; ignored tokens may hold anything.
            labels: int (rows, length), -100 where nothing is predicted. The first of a row never is.
            nll: float (predictions), as `ecomct.training.loss.TokenLosses` has them.
        """
        if self._sums is None:
            self._sums = torch.zeros(2, len(self._names), dtype=torch.float64, device=nll.device)
        mine = groups[:, 1:][labels[:, 1:] != IGNORED]
        losses = nll.detach().double()
        self._sums[0].index_add_(0, mine, losses)
        self._sums[1].index_add_(0, mine, torch.ones_like(losses))

    def take(self) -> Losses:
        """Return the step's mean loss and number of predictions of every group that had one, and begin the next step.

        Where several processes train, each calls this and each has the sums of all.
        """
        if self._sums is None:
            self._sums = torch.zeros(2, len(self._names), dtype=torch.float64)
        totals, counts = _over_processes(self._sums).tolist()
        self._sums.zero_()
        found: Losses = {}
        for (source, language), total, tokens in zip(self._names, totals, counts, strict=True):
            if tokens:
                mean = total / tokens
                found.setdefault(source, {})[language] = [mean if math.isfinite(mean) else None, int(tokens)]
        return found


def losses_line(step: int, losses: Losses) -> str:
    """Return a step's losses as a line of losses.jsonl; a mean that is not finite is null."""
    return json.dumps({"step": step, "losses": losses}, ensure_ascii=False) + "\n"


def _over_processes(sums: torch.Tensor) -> torch.Tensor:
    """Add the sums of all processes in the order of their ranks, which an all-reduce does not promise."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return sums
    parts = [torch.empty_like(sums) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, sums)
    return torch.stack(parts).sum(dim=0)
