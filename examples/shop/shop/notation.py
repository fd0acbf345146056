"""Vocabulary files.

# a comment
== name | head             a section; the section named * is shared by the others of its file
= key: a / b / 10..40      a fact and its possible values
= key+other: a + b / c + d facts whose values belong together
TAG pattern                a sentence of a kind (see grammar.py for patterns)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .draw import Draw

WORDS = Path(__file__).parent.parent / "words"
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)$")


@dataclass(frozen=True)
class Fact:
    """Keys that are decided together, and their possible values."""

    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    def pick(self, draw: Draw) -> tuple[str, ...]:
        """Draw a value for each key."""
        return tuple(_number(value, draw) for value in draw.choice(self.values))


@dataclass
class Section:
    """One block of a vocabulary file."""

    name: str
    head: str
    facts: list[Fact] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def of(self, tag: str) -> list[str]:
        """Return the patterns of a tag, none when there is none."""
        return self.lines.get(tag, [])


def _number(value: str, draw: Draw) -> str:
    match = _RANGE.match(value)
    return str(draw.between(int(match[1]), int(match[2]))) if match else value


def read(name: str) -> list[Section]:
    """Read one vocabulary file; its first section is always the shared one."""
    sections: list[Section] = []
    for number, line in enumerate((WORDS / name).read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            title, _, head = line[3:].partition("|")
            sections.append(Section(title.strip(), head.strip()))
        elif line.startswith("= "):
            sections[-1].facts.append(_fact(line[2:], f"{name}:{number}"))
        else:
            tag, _, pattern = line.partition(" ")
            sections[-1].lines.setdefault(tag, []).append(pattern.strip())
    return sections


def _fact(text: str, place: str) -> Fact:
    key, _, values = text.partition(": ")
    keys = tuple(key.split("+"))
    options = [tuple(part.strip() for part in value.split(" + ")) for value in values.split(" / ")]
    if any(len(option) != len(keys) for option in options):
        raise ValueError(f"{place}: every value of {key} needs {len(keys)} parts")
    return Fact(keys, tuple(options))


def facts_of(sections: Sequence[Section]) -> list[Fact]:
    """Return the facts of shared and own sections; a later section's key replaces an earlier one's."""
    facts: list[Fact] = []
    for section in sections:
        keys = {key for fact in section.facts for key in fact.keys}
        facts = [fact for fact in facts if not keys.intersection(fact.keys)] + section.facts
    return facts


def decide(sections: Sequence[Section], draw: Draw) -> dict[str, str]:
    """Draw a value for every fact."""
    return {key: value for fact in facts_of(sections) for key, value in zip(fact.keys, fact.pick(draw), strict=True)}
