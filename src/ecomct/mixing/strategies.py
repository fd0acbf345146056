"""The mixing strategies by name. A new one is a function of this shape and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ecomct.mixing.baselines import chunk, greedy, separate
from ecomct.mixing.deal import deal, two_phase
from ecomct.mixing.rows import Clusters, Limits, Rows
from ecomct.recipe.model import Strategy

Mix = Callable[[Rows, Limits], Clusters]
STRATEGIES: Mapping[Strategy, Mix] = {
    "deal": deal,
    "two-phase": two_phase,
    "greedy": greedy,
    "chunk": chunk,
    "separate": separate,
}
