"""Pairs of rows cut into parts whose texts fit in memory together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def parts(first: Sequence[int], second: Sequence[int], size: Sequence[int], pairs: int, text: int) -> Iterator[tuple[int, int]]:
    """Ranges [start, stop) of pairs (first[i], second[i]), in order: a part has at most `pairs` pairs and `text` size.

    `size` is that of each row; a row counts once in a part, however many of its pairs are in it. One pair alone may be
    larger than `text`. Cost: one pass.

    >>> list(parts([0, 0, 1, 3], [1, 2, 2, 4], [5, 1, 1, 9, 9], 3, 10))
    [(0, 3), (3, 4)]
    """
    held: set[int] = set()
    start = total = 0
    for at, (one, other) in enumerate(zip(first, second, strict=True)):
        more = (size[one] if one not in held else 0) + (size[other] if other not in held and other != one else 0)
        if at > start and (at - start == pairs or total + more > text):
            yield start, at
            held.clear()
            start, total, more = at, 0, size[one] + (size[other] if other != one else 0)
        held |= {one, other}
        total += more
    if len(first) > start:
        yield start, len(first)
