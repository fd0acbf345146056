"""A row as it is compared: the text of each of its fields, or its key-values as pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from ecomct.recipe.source import Kind

# What serialisations of key-values put around a name; the values are spans.
_NAME = re.compile(r'\A(?:\{"|", "|[;.。\n]\s*)?\s*(?:The )?(.*?)(?:": "|: |:| is |是)?\Z', re.DOTALL)
# Signs that only separate or adorn. Others may be part of a name or model: A/B, X-10, C++, 5*10.
_SEPARATORS = re.compile(
    r"""(?:[\s,;:!?"'()\[\]{}，。、；：！？“”‘’（）【】《》〈〉「」『』…·]|[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]|[~～](?!\d))+"""
)


class Row(NamedTuple):
    """What of a document is compared; `spans` are its stretches [start, end) from fields."""

    kind: Kind
    text: str
    spans: Sequence[tuple[int, int]]
    title_chars: int


def strict(text: str) -> str:
    """`text` without case and separators, for names and titles: equal only where no letter, digit or sign differs.

    Between two Latin words or numbers one space stays.

    >>> strict("Ｘ10  水壶【500 ml】") == strict("Ｘ10水壶 500 ml"), strict("kit 1 0"), strict("X-10")
    (True, 'kit 1 0', 'x-10')
    """
    return _SEPARATORS.sub(_gap, text.casefold().strip())


def _gap(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    return " " if start and end < len(text) and _is_latin(text[start - 1]) and _is_latin(text[end]) else ""


def _is_latin(character: str) -> bool:
    return character.isalnum() and character < "\u2e80"


def segments(row: Row) -> list[str]:
    """The texts of a row's fields in order; a title that is the first line of its text is a field of its own."""
    found = []
    for start, end in row.spans:
        cut = row.title_chars if start == 0 and 0 < row.title_chars < end else start
        found += [row.text[start:cut], row.text[cut:end]] if cut > start else [row.text[start:end]]
    return found


def key_values(row: Row) -> list[tuple[str, str]]:
    """Names and values of a row of key-values, sorted, without the words of any serialisation.

    >>> row = Row("attributes", "The Color is red. The Size is 10.", [(13, 16), (30, 32)], 0)
    >>> key_values(row), key_values(Row("attributes", '{"Size": "10", "Color": "red"}', [(10, 12), (25, 28)], 0))
    ([('color', 'red'), ('size', '10')], [('color', 'red'), ('size', '10')])
    """
    pairs, position = [], 0
    is_json = row.text.startswith('{"')
    for start, end in row.spans:
        name, value = _NAME.sub(r"\1", row.text[position:start]), row.text[start:end]
        if is_json and "\\" in value:
            with suppress(ValueError):  # a text that only begins like JSON
                value = json.loads(f'"{value}"')
        pairs.append((strict(name), strict(value)))
        position = end
    return sorted(pairs)
