"""The order of sequences: token ratios that hold at every prefix (paper, 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stream:
    """Sequences of one kind of text, in the order they are used.

    `tokens[i]` real tokens of sequence i; `wanted` tokens to emit (sequences repeat in order beyond one pass).
    """

    name: str
    tokens: I64
    wanted: int

    def count(self) -> int:
        """Sequences needed to reach `wanted` tokens as nearly as whole sequences can."""
        total = int(self.tokens.sum())
        if self.wanted <= 0 or total == 0:
            return 0
        rounds, rest = divmod(self.wanted, total)
        reach = np.concatenate([[0], np.cumsum(self.tokens)])
        # The nearer of the two sequence ends around the target.
        end = int(np.searchsorted(reach, rest))
        if end and rest - reach[end - 1] <= reach[end] - rest:
            end -= 1
        return rounds * len(self.tokens) + end


def interleave(groups: Mapping[str, Sequence[Stream]]) -> list[tuple[str, int]]:
    """Order all streams: between groups by their wanted tokens, and inside a group between its streams.

    Returns (stream name, sequence number) in training order. At both levels the next sequence comes from
    whatever is furthest behind its share, so that with two groups and at most two streams in each the
    ratio is off by at most one sequence at every prefix. Time: O(sequences).
    """
    cursors = {name: [_Cursor(stream) for stream in streams if stream.count()] for name, streams in groups.items()}
    cursors = {name: streams for name, streams in cursors.items() if streams}
    spent = dict.fromkeys(cursors, 0)
    total = {name: sum(cursor.total for cursor in streams) for name, streams in cursors.items()}
    result: list[tuple[str, int]] = []
    while open_groups := [name for name in cursors if any(cursor.left for cursor in cursors[name])]:
        group = min(open_groups, key=lambda name: (spent[name] + cursors[name][0].typical / 2) / total[name])
        cursor = min((c for c in cursors[group] if c.left), key=lambda c: (c.spent + c.typical / 2) / c.total)
        number, tokens = cursor.take()
        spent[group] += tokens
        result.append((cursor.stream.name, number))
    return result


class _Cursor:
    """Where a stream stands."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.position, self.spent = stream, 0, 0
        self.left = stream.count()
        rounds, rest = divmod(self.left, len(stream.tokens))
        self.total = rounds * int(stream.tokens.sum()) + int(stream.tokens[:rest].sum())
        self.typical = self.total / self.left

    def take(self) -> tuple[int, int]:
        number = self.position % len(self.stream.tokens)
        tokens = int(self.stream.tokens[number])
        self.position, self.spent, self.left = self.position + 1, self.spent + tokens, self.left - 1
        return number, tokens


def largest_prefix_error(first: npt.NDArray[np.bool_], tokens: I64, ratio: float) -> float:
    """Largest distance, over all prefixes, of some sequences' tokens from their share, in sequences of mean length.

    `ratio` is the tokens wanted of the sequences in `first` per token of the others.
    """
    if not len(tokens):
        return 0.0
    of_first, of_all = np.cumsum(np.where(first, tokens, 0)), np.cumsum(tokens)
    return float(np.abs(of_first - of_all * ratio / (1 + ratio)).max() / tokens.mean())
