"""Seeded draws that give the same results on every machine and Python version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A named stream of random choices.

    Streams with different names are independent, so adding a table does not change the others.
    Only `random.Random.getrandbits` is used: its bits are fixed by the language's documentation,
    those of `choice`, `sample` and `shuffle` are not.
    """

    def __init__(self, seed: int, name: str) -> None:
        self._bits = random.Random(f"{seed}/{name}").getrandbits

    def below(self, n: int) -> int:
        """Return an integer in [0, n); `n` is far below 2**40, so the bias of the remainder is too."""
        return self._bits(64) % n

    def between(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self._bits(32) < probability * 4294967296

    def choice(self, items: Sequence[T]) -> T:
        """Return one item."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[tuple[T, int]]) -> T:
        """Return one item; the integers are weights."""
        mark = self.below(sum(weight for _, weight in items))
        for item, weight in items:
            mark -= weight
            if mark < 0:
                return item
        raise AssertionError("weights ran out")

    def sample(self, items: Sequence[T], n: int) -> list[T]:
        """Return `n` different items in drawn order, or all of them when there are fewer."""
        pool = list(items)
        return [pool.pop(self.below(len(pool))) for _ in range(min(n, len(pool)))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in drawn order."""
        return self.sample(items, len(items))
