"""Profiles: which rules a kind of field must pass, with which thresholds."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ecomct.errors import InputError

# isort: off
# Imported in the order in which their rules are asked: cheapest first.
from ecomct.rules import characters, placeholders, echo, contact, repetition, pages  # noqa: F401

# isort: on
from ecomct.rules.rule import PROFILES, RULES, Measure, Passage, Verdict

if TYPE_CHECKING:  # at run time the recipe imports this module
    from ecomct.recipe.cleaning import Cleaning

Overrides = Mapping[str, float | None]


class Check(NamedTuple):
    """A rule with the threshold of one profile."""

    rule: str
    measure: Measure
    threshold: float
    least: bool


class Profile(NamedTuple):
    """The rules of one kind of field, in order."""

    name: str
    checks: tuple[Check, ...]

    def judge(self, passage: Passage) -> Verdict | None:
        """The first rule that `passage` fails, None where it passes all. Time is linear in the text; nothing raises."""
        for rule, measure, threshold, least in self.checks:
            value = measure(passage)
            if value < threshold if least else value > threshold:
                return Verdict(rule, float(value), threshold)
        return None


def compile_profile(name: str, overrides: Overrides | None = None) -> Profile:
    """The default profile `name` with thresholds replaced, added, or (None) taken out.

    Raises InputError with what `profile_problems` finds first.

    >>> compile_profile("review", {"min_chars": 3}).judge(Passage("好"))
    Verdict(rule='min_chars', value=1.0, threshold=3)
    """
    given = dict(overrides or {})
    for problem in _problems({name: given}):
        raise InputError(problem)
    thresholds = {rule: RULES[rule].defaults.get(name) for rule in RULES} | given
    chosen = [(RULES[rule], threshold) for rule in RULES if (threshold := thresholds[rule]) is not None]
    return Profile(name, tuple(Check(rule.name, rule.measure, threshold, rule.least) for rule, threshold in chosen))


def profile_problems(cleaning: Cleaning) -> list[str]:
    """Faults of a recipe's `cleaning.profiles`, each as `path: what`."""
    return _problems({str(name): overrides for name, overrides in cleaning.profiles.items()})


def _problems(profiles: Mapping[str, Overrides]) -> list[str]:
    """Unknown names and thresholds out of range.

    >>> _problems({"review": {"max_copys": 3, "max_urls": 50}})
    ['cleaning.profiles.review.max_copys: no such rule; did you mean max_copies?',
     'cleaning.profiles.review.max_urls: a share lies in 0 to 1, got 50']
    """
    problems = []
    for name, overrides in profiles.items():
        if name not in PROFILES:
            problems.append(f"cleaning.profiles.{name}: no such profile; known: {', '.join(PROFILES)}")
        for rule, threshold in overrides.items():
            where = f"cleaning.profiles.{name}.{rule}"
            if rule not in RULES:
                close = difflib.get_close_matches(rule, RULES, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(RULES)}"
                problems.append(f"{where}: no such rule; {hint}")
            elif threshold is not None and RULES[rule].unit == "share" and not 0 <= threshold <= 1:
                problems.append(f"{where}: a share lies in 0 to 1, got {threshold}")
            elif threshold is not None and threshold < 0:
                problems.append(f"{where}: a count is not negative, got {threshold}")
    return problems
