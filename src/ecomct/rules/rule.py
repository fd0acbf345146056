"""What a rule is: one small function that measures a passage, and a threshold for each kind of field.

A rule's name says its direction: `min_...` fails below its threshold, `max_...` above it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

# Kinds of field; recipe.cleaning.ProfileName names the same.
PROFILES = ("title", "value", "description", "review", "question", "answer", "article", "dialogue", "web")
# Longer text is judged by its beginning, which bounds what a rule costs on hostile input.
MOST_CHARS = 1 << 16


class Passage(NamedTuple):
    """One cleaned field and what a rule may want to know of it."""

    text: str
    profile: str = "description"
    language: str = "zh"  # zh or en
    title: str = ""  # of the row, "" where it has none
    name: str = ""  # of the key whose value this is


class Verdict(NamedTuple):
    """Why a passage was rejected: the rule, what it measured and what it would have let through."""

    rule: str
    value: float
    threshold: float


Measure = Callable[[Passage], float]
Unit = Literal["share", "count"]


@dataclass(frozen=True)
class Rule:
    """A measure with its default threshold by kind of field; a kind without one is not asked."""

    name: str
    measure: Measure
    unit: Unit
    defaults: Mapping[str, float]
    reason: str

    @property
    def least(self) -> bool:
        """Whether the threshold is the least that passes, not the most."""
        return self.name.startswith("min_")

    def fails(self, passage: Passage, threshold: float) -> bool:
        """Whether `passage` is on the wrong side of `threshold`."""
        value = self.measure(passage)
        return value < threshold if self.least else value > threshold


# In the order in which they are asked: that of the modules in `profiles`, cheapest first.
RULES: dict[str, Rule] = {}


def rule(name: str, defaults: Mapping[str, float], reason: str, unit: Unit = "share") -> Callable[[Measure], Measure]:
    """Enter the decorated function into RULES; it stays what it was.

    `unit` share: the measure lies in 0 to 1. Linear time in the text is part of the contract, and so is that
    no text makes it raise. Raises ValueError at import for a name taken, without direction, or for a kind unknown.
    """
    if name in RULES or not name.startswith(("min_", "max_")) or not set(defaults) <= set(PROFILES):
        raise ValueError(f"rule {name}: names begin with min_ or max_, are given once, and defaults name {', '.join(PROFILES)}")

    def enter(measure: Measure) -> Measure:
        RULES[name] = Rule(name, measure, unit, dict(defaults), " ".join(reason.split()))
        return measure

    return enter
