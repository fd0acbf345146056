"""Recall and precision of masking on labelled cases, by kind, by case and by character."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from privacy_cases import Case

from ecomct.documents.privacy.placeholders import PLACEHOLDERS

Mask = Callable[[str], str]
_KINDS = {placeholder: kind for kind, placeholder in PLACEHOLDERS.items()}
_PLACEHOLDER = re.compile("|".join(map(re.escape, _KINDS)))


def masked_spans(text: str, masked: str) -> list[tuple[str, int, int]]:
    """What was replaced in `text`, from the text that came out.

    >>> masked_spans("tel 123 or a@b", "tel [PHONE] or [EMAIL]")
    [('phone', 4, 7), ('email', 11, 14)]
    """
    kept = _PLACEHOLDER.split(masked)
    found = re.fullmatch("(.+?)".join(map(re.escape, kept)), text, re.DOTALL)
    assert found is not None, (text, masked)
    kinds = [_KINDS[placeholder] for placeholder in _PLACEHOLDER.findall(masked)]
    return [(kind, found.start(number), found.end(number)) for number, kind in enumerate(kinds, 1)]


@dataclass
class Score:
    """Counts of hits, misses and false alarms; a case is hit where all of its characters are masked as its kind."""

    hits: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    hit_chars: Counter[str] = field(default_factory=Counter)
    missed_chars: Counter[str] = field(default_factory=Counter)
    alarm_chars: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)

    def recall(self, kind: str | None = None, chars: bool = False) -> float:
        """Share of what is personal that was masked as its kind."""
        return _share(*(self.hit_chars, self.missed_chars) if chars else (self.hits, self.misses), kind)

    def precision(self, kind: str | None = None, chars: bool = False) -> float:
        """Share of what was masked that is personal and of that kind."""
        return _share(*(self.hit_chars, self.alarm_chars) if chars else (self.hits, self.alarms), kind)


def _share(good: Counter[str], bad: Counter[str], kind: str | None) -> float:
    right, wrong = (good[kind], bad[kind]) if kind else (good.total(), bad.total())
    return right / (right + wrong) if right + wrong else 1.0


def score(cases: Iterable[Case], mask: Mask) -> Score:
    """Run `mask` over labelled cases."""
    result = Score()
    for case in cases:
        masked = mask(case.text)
        found = masked_spans(case.text, masked)
        wanted = {(kind, at) for kind, start, end in case.personal for at in range(start, end)}
        got = {(kind, at) for kind, start, end in found for at in range(start, end)}
        for sums, chars in (
            (result.hit_chars, wanted & got),
            (result.missed_chars, wanted - got),
            (result.alarm_chars, got - wanted),
        ):
            sums.update(kind for kind, _ in chars)
        good = True
        for kind, start, end in case.personal:
            hit = all((kind, at) in got for at in range(start, end))
            good &= hit
            (result.hits if hit else result.misses)[kind] += 1
        for kind, start, end in found:
            if not any((kind, at) in wanted for at in range(start, end)):
                result.alarms[kind] += 1
                good = False
        if not good or wanted != got:
            result.wrong.append((case, masked))
    return result
