"""The typed placeholders, and how a rule puts them into a text.

`[PHONE]` and the like are ASCII, in NFKC, no HTML, and the same in any language; brackets end a word on both sides, so that
a placeholder neither joins nor splits its neighbours. A rule decides by what stands in a candidate, by the character on
either side of it and by words before it with no placeholder of another kind between; so masked text is masked no further.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ecomct.recipe.cleaning import PersonalKind

PLACEHOLDERS: dict[PersonalKind, str] = {
    "phone": "[PHONE]",
    "email": "[EMAIL]",
    "national_id": "[ID]",
    "bank_card": "[CARD]",
    "order_number": "[ORDER]",
    "address": "[ADDRESS]",
    "account": "[ACCOUNT]",
    "url_token": "[TOKEN]",
    "ip": "[IP]",
}
Counts = dict[str, int]
# A number is whole: no digit, letter or "_" touches it, and no further digits by "-" or ".".
LEFT = r"(?<![0-9A-Za-z_])(?<![0-9][-.])"
RIGHT = r"(?![0-9A-Za-z_])(?![-.][0-9])"


class Rule:
    """Replaces what `pattern` finds and `holds` confirms by the placeholder of `kind`.

    Where the pattern has a group "value" only that is replaced; the words before it stay.
    """

    def __init__(self, kind: PersonalKind, pattern: str, holds: Callable[[re.Match[str]], bool] | None = None, flags: int = 0):
        self.kind, self._holds = kind, holds
        self._pattern = re.compile(pattern, re.VERBOSE | flags)
        self._group = "value" if "value" in self._pattern.groupindex else 0

    def __call__(self, text: str, counts: Counts) -> str:
        """`text` with placeholders; what was replaced is added to `counts`."""
        parts, position = [], 0
        for match in self._pattern.finditer(text):
            if self._holds is None or self._holds(match):
                parts += [text[position : match.start(self._group)], PLACEHOLDERS[self.kind]]
                position = match.end(self._group)
        if not parts:
            return text
        counts[self.kind] = counts.get(self.kind, 0) + len(parts) // 2
        return "".join([*parts, text[position:]])


class Cued:
    """Replaces the values that follow a word which says what they are: "tel. 62793001, 62793002".

    `cue` is that word and the small words after it. Several values may follow each other, and some of them
    may be placeholders of the kind already.
    """

    def __init__(self, kind: PersonalKind, cue: str, value: str, holds: Callable[[re.Match[str]], bool] | None = None):
        self.kind, self._holds = kind, holds
        between = r"(?:[\s,;/&+|、，；和或及与]|or\b|and\b|转|ext\.?){1,4}"
        item = rf"(?:{value}|{re.escape(PLACEHOLDERS[kind])})"
        self._pattern = re.compile(rf"(?:{cue})(?P<list>{item}(?:{between}{item})*+)", re.VERBOSE)
        self._value = re.compile(rf"{re.escape(PLACEHOLDERS[kind])}|(?P<value>{value})", re.VERBOSE)

    def __call__(self, text: str, counts: Counts) -> str:
        """`text` with placeholders; what was replaced is added to `counts`."""
        parts, position = [], 0
        for match in self._pattern.finditer(text):
            for value in self._value.finditer(text, match.start("list"), match.end("list")):
                if value["value"] and (self._holds is None or self._holds(value)):
                    parts += [text[position : value.start()], PLACEHOLDERS[self.kind]]
                    position = value.end()
        if not parts:
            return text
        counts[self.kind] = counts.get(self.kind, 0) + len(parts) // 2
        return "".join([*parts, text[position:]])


def digits_of(text: str) -> str:
    """The ASCII digits of a text.

    >>> digits_of("+86 138-0013-8000")
    '8613800138000'
    """
    return "".join([character for character in text if "0" <= character <= "9"])
