"""A dict notation with bare words, as tables exported from typed records hold: `{ unit:pounds, value:2. }; { value:"x" }`."""

from __future__ import annotations

import re
from typing import Any

_STRING = re.compile(r"""\s*(?:"((?:[^"|\\]|[|\\].)*+)"|'((?:[^'|\\]|[|\\].)*+)')(?=\s*[,}\]])""", re.DOTALL)
_BARE = re.compile(r"""\s*([^\s{}\[\],;"'][^{}\[\],;"\n]*)""")
_NAME = re.compile(r"""\s*(?:"([^"\n]{1,80})"|'([^'\n]{1,80})'|([^\W\d]\w{0,60}))\s*:""")
_ESCAPED = re.compile(r"""[|\\](["'|\\])""")
_MAX_DEPTH = 24


class _Broken(Exception):
    """The text is not in this notation."""


def parse_loose(text: str, allows_several: bool = False) -> Any:
    """A mapping; with `allows_several`, a list of those that ";" divides; None where `text` is not in this notation.

    Quotes inside a quoted string are `|"`. Linear.

    >>> parse_loose('{ width:{ unit:inches, value:1.5 }, tags:[ new, "9|" wide" ] }')
    {'width': {'unit': 'inches', 'value': '1.5'}, 'tags': ['new', '9" wide']}
    >>> parse_loose("{ value:mac }; { value:dos }", True), parse_loose("{ not this }")
    ([{'value': 'mac'}, {'value': 'dos'}], None)
    """
    reader = _Reader(text)
    try:
        values = [reader.mapping(0)]
        while allows_several and reader.takes(";"):
            values.append(reader.mapping(0))
    except _Broken:
        return None
    if not reader.is_at_end():
        return None
    return values if len(values) > 1 else values[0]


class _Reader:
    """Recursive descent over a text; every character is read once."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0

    def takes(self, sign: str) -> bool:
        """Whether `sign` is next; if so it is read."""
        position = self._next()
        if self._text.startswith(sign, position):
            self._position = position + 1
            return True
        return False

    def is_at_end(self) -> bool:
        """Whether nothing but space is left."""
        return self._next() == len(self._text)

    def mapping(self, depth: int) -> dict[str, Any]:
        """`{ name: value, ... }`."""
        if depth > _MAX_DEPTH or not self.takes("{"):
            raise _Broken
        found: dict[str, Any] = {}
        while not self.takes("}"):
            if found and not self.takes(","):
                raise _Broken
            name = _NAME.match(self._text, self._position)
            if name is None:
                raise _Broken
            self._position = name.end()
            key = name[1] or name[2] or name[3]
            value = self._value(depth)
            # A name that comes twice is no mapping; losing a value is worse than leaving the text as it is.
            if key in found:
                raise _Broken
            found[key] = value
        return found

    def _value(self, depth: int) -> Any:
        position = self._next()
        if self._text.startswith("{", position):
            return self.mapping(depth + 1)
        if self._text.startswith("[", position):
            return self._list(depth + 1)
        if string := _STRING.match(self._text, position):
            self._position = string.end()
            return _ESCAPED.sub(r"\1", string[1] if string[1] is not None else string[2])
        bare = _BARE.match(self._text, position)
        if bare is None:
            raise _Broken
        self._position = bare.end()
        return bare[1].strip()

    def _list(self, depth: int) -> list[Any]:
        if depth > _MAX_DEPTH or not self.takes("["):
            raise _Broken
        found: list[Any] = []
        while not self.takes("]"):
            if found and not self.takes(","):
                raise _Broken
            found.append(self._value(depth))
        return found

    def _next(self) -> int:
        position = self._position
        while position < len(self._text) and self._text[position].isspace():
            position += 1
        self._position = position
        return position
