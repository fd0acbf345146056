"""The typed placeholders, and how a rule puts them into a text.

`[PHONE]` and the like are ASCII, in NFKC, no HTML, and the same in any language; brackets end a word on both sides, so that
a placeholder neither joins nor splits its neighbours. A rule decides by what stands in a candidate, by the character on
either side of it and by words before it with no placeholder of another kind between; so masked text is masked no further.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ecomct.recipe.personal import PersonalKind

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
    "name": "[NAME]",
}
Counts = dict[str, int]
Holds = Callable[[re.Match[str]], bool]
_BETWEEN = r"(?:[\s,;/&+|、，；和或及与]|or\b|and\b|转|ext\.?){1,4}"
# A number is whole: no digit, letter or "_" touches it, and no further digits by "-" or ".".
LEFT = r"(?<![0-9A-Za-z_])(?<![0-9][-.])"
RIGHT = r"(?![0-9A-Za-z_])(?![-.][0-9])"


class Rule:
    """Replaces what `pattern` finds and `holds` confirms by the placeholder of `kind`.

    Where the pattern has a group "value" only that is replaced; the words before it stay. `words`, in lower case, are
    the words of which a text must hold one for the pattern to find anything; to seek them is far cheaper.
    """

    def __init__(self, kind: PersonalKind, pattern: str, holds: Holds | None = None, words: str = "", flags: int = 0) -> None:
        self.kind, self._holds, self._words = kind, holds, words.split()
        self._ascii_words = [word for word in self._words if word.isascii()]
        self._pattern = re.compile(pattern, re.VERBOSE | flags)
        self._group = "value" if "value" in self._pattern.groupindex else 0

    def __call__(self, text: str, lower: str, counts: Counts) -> str:
        """`text` with placeholders; what was replaced is added to `counts`. `lower` is the text in lower case."""
        if self._words:
            words = self._ascii_words if lower.isascii() else self._words
            if not any(map(lower.__contains__, words)):
                return text
        return replaced(text, self.kind, self._spans(text), counts)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._pattern.finditer(text):
            if self._holds is None or self._holds(match):
                yield match.span(self._group)


class Cued(Rule):
    """Replaces the values that follow a word which says what they are: "tel. 62793001, 62793002".

    `cue` is that word and the small words after it. Several values may follow each other, and some of them
    may be placeholders of the kind already; `further` is what may follow the first, if that is less.
    """

    def __init__(
        self, kind: PersonalKind, cue: str, value: str, holds: Holds | None = None, words: str = "", further: str = ""
    ) -> None:
        mark, more = re.escape(PLACEHOLDERS[kind]), further or value
        listed = rf"(?P<list>(?:{value}|{mark})(?:{_BETWEEN}(?:{more}|{mark}))*+)"
        super().__init__(kind, rf"(?:{cue}){listed}", holds, words)
        self._one = re.compile(rf"{mark}|(?P<value>{value})", re.VERBOSE)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._pattern.finditer(text):
            for value in self._one.finditer(text, *match.span("list")):
                if value["value"] and (self._holds is None or self._holds(value)):
                    yield value.span()


def replaced(text: str, kind: PersonalKind, spans: Iterable[tuple[int, int]], counts: Counts) -> str:
    """`text` with the placeholder of `kind` in place of `spans`, which are in order; they are added to `counts`."""
    parts, position, number = [], 0, 0
    for start, end in spans:
        parts += [text[position:start], PLACEHOLDERS[kind]]
        position, number = end, number + 1
    if not number:
        return text
    counts[kind] = counts.get(kind, 0) + number
    return "".join([*parts, text[position:]])


def digits_of(text: str) -> str:
    """The ASCII digits of a text.

    >>> digits_of("+86 138-0013-8000")
    '8613800138000'
    """
    return "".join([character for character in text if "0" <= character <= "9"])
