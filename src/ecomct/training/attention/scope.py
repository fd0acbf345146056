"""Which keys each query of one forward pass may read, and the ALiBi bias between them.

ALiBi (Press et al., 2022) is written relative: slope x (key - query), zero on the diagonal and
falling from there. It is formed in float32 (slopes are float32, distances are integers), and only
then rounded to what a kernel takes: near the diagonal, where the weight is, numbers are small and
hardly move. Softmax does not see a constant added to a row, so in exact arithmetic this is BLOOM's
own slope x key.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch.nn.attention.flex_attention import create_block_mask

Spans = list[list[tuple[int, int]]]
_MINUS = float("-inf")


def find_starts(position_ids: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
    """Return bool (batch, length): whether a token that counts begins a new segment behind another one that counts.

    It does where its position does not go on from the token before. Tokens outside `kept` neither
    begin a segment nor end one: `generate` numbers left padding 0, 0, 0, 0, 1, 2, and a gap may be
    counted in the positions behind it or not.
    """
    starts = torch.zeros_like(position_ids, dtype=torch.bool)
    here, before = position_ids[:, 1:], position_ids[:, :-1]
    if kept is None:
        starts[:, 1:] = here != before + 1
        return starts
    places = torch.arange(position_ids.shape[1], device=position_ids.device).expand_as(position_ids)
    last = torch.where(kept, places, -1).cummax(dim=1).values[:, :-1]
    known = position_ids.gather(1, last.clamp(min=0))
    goes_on = (here > known) & ((here == known + 1) | (here == before + 1))
    starts[:, 1:] = kept[:, 1:] & (last >= 0) & ~goes_on
    return starts


class Scope:
    """One forward pass: `length` queries a row behind `past` keys, `keys` keys a row in all.

    Shared by all layers; every table is made when a kernel first asks for it.

    Args:
        slopes: float32 (heads,).
        length, past, keys: tokens; keys >= past + length (a static cache has room behind them).
        kept: bool (batch, keys), False on padding; None if everything counts.
        starts: bool (batch, length), see `find_starts`; None if no row holds two segments. Only with past = 0.
    """

    def __init__(
        self, slopes: torch.Tensor, length: int, past: int, keys: int, kept: torch.Tensor | None, starts: torch.Tensor | None
    ) -> None:
        self.slopes, self.length, self.past, self.keys, self.kept, self.starts = slopes, length, past, keys, kept, starts

    @cached_property
    def spans(self) -> Spans | None:
        """(start, end) of every run of tokens that attends alone, row by row; None if each row is one whole run, or by `gaps`."""
        if self.gaps or (self.kept is None and (self.starts is None or not bool(self.starts.any()))):
            return None
        given = self.starts if self.starts is not None else self.kept
        assert given is not None
        kept = torch.ones_like(given, dtype=torch.bool) if self.kept is None else self.kept
        before, after = (torch.nn.functional.pad(part, pad) for part, pad in ((kept[:, :-1], (1, 0)), (kept[:, 1:], (0, 1))))
        starts = torch.zeros_like(kept) if self.starts is None else self.starts
        begins = kept & (~before | starts)
        ends = kept & (~after | torch.nn.functional.pad(begins[:, 1:], (0, 1)))
        rows = zip(begins.cpu(), ends.cpu(), strict=True)
        return [list(zip(begin.nonzero()[:, 0].tolist(), (end.nonzero()[:, 0] + 1).tolist(), strict=True)) for begin, end in rows]

    @cached_property
    def gaps(self) -> bool:
        """Whether padding lies between tokens of one segment: their distance is then less than that of their places."""
        if self.kept is None:
            return False
        opens = self.kept[:, 1:] & ~self.kept[:, :-1]
        if self.starts is not None:
            opens = opens & ~self.starts[:, 1:]
        return bool((opens & (self.kept.cumsum(dim=1)[:, :-1] > 0)).any())

    @cached_property
    def places(self) -> torch.Tensor:
        """Int (1 or batch, keys): a place for every key, so that differences of places are distances."""
        if self.gaps:
            assert self.kept is not None
            return self.kept.cumsum(dim=1)
        return torch.arange(self.keys, device=self.slopes.device)[None]

    @cached_property
    def segments(self) -> torch.Tensor | None:
        """Int (batch, length): the number of each token's segment."""
        return None if self.starts is None else self.starts.cumsum(dim=1)

    @cached_property
    def own_table(self) -> torch.Tensor:
        """Float32 (1, heads, longest, longest): the bias inside one run, for the longest one of `spans`."""
        longest = max((end - start for row in self.spans or [] for start, end in row), default=self.length)
        index = torch.arange(longest, device=self.slopes.device, dtype=torch.float32)
        distance = index[None, :] - index[:, None]
        return (self.slopes[:, None, None] * distance).masked_fill(distance > 0, _MINUS)[None]

    def bias(self, dtype: torch.dtype) -> torch.Tensor:
        """Return (1 or batch, heads, length, keys) in `dtype`, formed in float32, minus infinity where nothing may be read.

        A token of padding reads itself, so that no row of the softmax is empty.
        """
        if dtype not in self._biases:
            queries = slice(self.past, self.past + self.length)
            distance = self.places[:, None, :] - self.places[:, queries, None]
            table = (self.slopes[:, None, None] * distance[:, None]).to(dtype)
            index = torch.arange(self.keys, device=self.slopes.device)
            readable = (index[None, :] <= index[queries, None])[None]
            if self.segments is not None:
                readable = readable & (self.segments[:, None, :] == self.segments[:, :, None])
            if self.kept is not None:
                readable = (readable & self.kept[:, None, :]) | (index[None, :] == index[queries, None])[None]
            self._biases[dtype] = torch.where(readable[:, None], table, _MINUS)
        return self._biases[dtype]

    @cached_property
    def _biases(self) -> dict[torch.dtype, torch.Tensor]:
        return {}

    @cached_property
    def flex(self) -> tuple[Any, Any]:
        """The bias as FlexAttention's `score_mod` (float32 scores) and the rest as its `BlockMask`. For past = 0."""
        slopes, segments, kept, places = self.slopes, self.segments, self.kept, self.places

        def relative(score: Any, row: Any, head: Any, query: Any, key: Any) -> Any:
            return score + slopes[head] * (key - query)

        def relative_over_gaps(score: Any, row: Any, head: Any, query: Any, key: Any) -> Any:
            return score + slopes[head] * (places[row, key] - places[row, query])

        def readable(row: Any, head: Any, query: Any, key: Any) -> Any:
            found = key <= query
            if segments is not None:
                found = found & (segments[row, key] == segments[row, query])
            if kept is not None:
                found = (found & kept[row, key]) | (key == query)
            return found

        given = segments if segments is not None else kept
        rows = None if given is None else given.shape[0]
        mask = create_block_mask(readable, rows, None, self.length, self.keys, device=slopes.device)
        return (relative_over_gaps if self.gaps else relative), mask
