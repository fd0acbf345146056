"""Documents longer than a sequence become pieces: cut at sentence ends, each later piece with the title again."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

_SENTENCE_END = re.compile(r"[。！？!?；;]+[”’」』\"')）]*|\.(?=\s)|\n+")
_SPACE = re.compile(r"\s+")


class Piece(NamedTuple):
    """Tokens [start, stop) of a document after its first `repeated` tokens once more, and its number within it."""

    number: int
    start: int
    stop: int
    repeated: int = 0


def cut(spans: tuple[I64, I64], text: str, limit: int, title_chars: int = 0) -> list[Piece]:
    """Pieces of at most `limit` tokens; a document that fits is one piece.

    `spans`: the characters that each token of the text begins in and ends before.

    Every piece is as long as fits: it ends after a sentence where there is one, else after a space, else anywhere.
    Often that leaves room for a few tokens, which no sample is short enough to fill. So the first sentences (a 64th
    to an 8th of `limit`) may become a piece of their own, by which all later ends shift; of these ways the one that
    wastes fewest tokens is taken.

    Later pieces begin with the title: the document's tokens that end within its first `title_chars` characters,
    unless they are more than a quarter of `limit`. Without these, the pieces are exactly the document's ids, in order.
    """
    starts, stops = spans
    count = len(starts)
    if count <= limit:
        return [Piece(0, 0, count)]
    title = int(np.searchsorted(stops, title_chars, side="right")) if title_chars else 0
    title = title if title <= limit // 4 else 0
    # Token t begins a new stretch where its first character follows a mark.
    sentences, spaces = (
        np.searchsorted(starts, np.array([match.end() for match in kind.finditer(text)], dtype=np.int64))
        for kind in (_SENTENCE_END, _SPACE)
    )
    low, high = np.searchsorted(sentences, [max(limit // 64, title + 1), limit // 8 + 1])
    openings = [0, *np.unique(sentences[low:high]).tolist()]
    ways = [_pieces(count, opening, limit, title, (sentences, spaces)) for opening in openings]
    return min(ways, key=lambda pieces: waste(pieces, limit))


def waste(pieces: list[Piece], limit: int) -> int:
    """Tokens that teach nothing: repeated titles, end-of-text, and room of less than a 20th, which few samples can fill."""
    lengths = [piece.repeated + piece.stop - piece.start for piece in pieces]
    rooms = [limit - length for length in lengths if limit - length < limit // 20]
    return sum(rooms) + sum(piece.repeated for piece in pieces) + len(pieces)


def _pieces(count: int, opening: int, limit: int, title: int, kinds: tuple[I64, ...]) -> list[Piece]:
    """The pieces of a document of `count` tokens whose first `opening` tokens are one; marks of each kind, the best first."""
    pieces = [Piece(0, 0, opening)] if opening else []
    begin, room = opening, limit - (title if opening else 0)
    while count - begin > room:
        end = begin + room
        for marks in kinds:
            last = int(np.searchsorted(marks, end, side="right")) - 1
            if last >= 0 and marks[last] > begin + limit // 4:
                end = int(marks[last])
                break
        pieces.append(Piece(len(pieces), begin, end, title if pieces else 0))
        begin, room = end, limit - title
    return [*pieces, Piece(len(pieces), begin, count, title)]
