"""Tokens and characters of a row, both ways: field to tokens, token to field and character.

Offsets are the tokenizer's own, of the document's whole text; they are used only where it gives exactly the
ids that the run has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tokenizers import Tokenizer

from ecomct.lineage.locate import Document


@dataclass(frozen=True)
class Field:
    """A stretch of a row's text that came from a field; `start`, `end` are the tokens that touch it."""

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Token:
    """What one token is of: characters [start, end) of the row's text, and the fields that it touches."""

    row: int
    start: int
    end: int
    fields: tuple[str, ...]


class RowTokens:
    """One row's text as tokens. Token numbers count over the whole document; `window` cuts out a piece."""

    def __init__(self, document: Document, tokenizer: Tokenizer) -> None:
        self.document = document
        encoding = tokenizer.encode(document.text, add_special_tokens=False)
        self.ids: list[int] = encoding.ids
        self.offsets: list[tuple[int, int]] = encoding.offsets

    def token(self, number: int) -> Token:
        """Where a token of the document comes from."""
        start, end = self.offsets[number]
        fields = tuple(name for name, first, last in self.document.spans if start < last and first < end)
        return Token(self.document.row, start, end, fields)

    @cached_property
    def fields(self) -> list[Field]:
        """Every field of the document with the tokens that touch it: the smallest range, as tokens stand in order."""
        found = []
        for name, first, last in self.document.spans:
            touching = [number for number, (start, end) in enumerate(self.offsets) if start < last and first < end]
            begin, stop = (touching[0], touching[-1] + 1) if touching else (0, 0)
            found.append(Field(name, self.document.text[first:last], begin, stop))
        return found


@dataclass(frozen=True)
class Piece:
    """A piece of a document as it was encoded: its number, ids, and how many of them repeat the document's title."""

    number: int
    ids: list[int]
    repeated: int


@dataclass(frozen=True)
class Window:
    """A piece in a document: its token i is the document's token `numbers[i]`."""

    piece: Piece
    numbers: list[int]


def windows(row: RowTokens, pieces: list[Piece]) -> list[Window]:
    """Where each piece lies in its document.

    A piece is its repeated title, the document's first tokens, then the stretch after the piece before it.
    Raises AssertionError where the tokenizer does not give the ids of the run: a bug.
    """
    found, position = [], 0
    for piece in sorted(pieces, key=lambda one: one.number):
        own = len(piece.ids) - piece.repeated
        numbers = [*range(piece.repeated), *range(position, position + own)]
        assert [row.ids[number] for number in numbers] == piece.ids, f"row {row.document.row} was encoded otherwise"
        found.append(Window(piece, numbers))
        position += own
    assert position == len(row.ids), f"pieces of row {row.document.row} are not all of it"
    return found


def fields_in(row: RowTokens, window: Window, at: int) -> list[Field]:
    """Fields of a piece that begins at token `at` of a sequence, with their tokens there.

    A field that the piece has only in part has the tokens of that part; one that stands in the repeated title
    and goes on later appears twice.
    """
    found = []
    for field in row.fields:
        inside = [index for index, number in enumerate(window.numbers) if field.start <= number < field.end]
        begin = 0
        for position, index in enumerate(inside, 1):
            if position == len(inside) or inside[position] != index + 1:
                found.append(Field(field.name, field.text, at + inside[begin], at + index + 1))
                begin = position
    return sorted(found, key=lambda field: field.start)
