"""Patterns with slots and choices.

{name}         the value of a slot; {name:cap}, {name:title}, {name:lower}, {name:,} change its look
{name*}        another value of the same fact, drawn anew
{#low-high}    a number drawn on the spot
[one|two|]     one of the alternatives; alternatives that need an unknown slot do not take part
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .draw import Draw

_TOKEN = re.compile(r"\{([^{}]*)\}|[\[\]|]|[^\[\]|{}]+")
_NUMBER = re.compile(r"#(-?\d+)-(-?\d+)$")
_ARTICLE = re.compile(r"\b([Aa])n? (?=\S)")
_VOWEL = re.compile(r"(?:[aeiou]|8|11\b|18\b|heir|hour|honest)", re.IGNORECASE)
_CONSONANT = re.compile(r"(?:one\b|once\b|uni(?!n)|us[ei]|eu|U[SB])")
_SMALL = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])


class Span(NamedTuple):
    """Where a slot's value stands in an expanded text."""

    slot: str
    start: int
    end: int


@dataclass(frozen=True)
class Slot:
    """A slot of a pattern, as written between braces."""

    text: str


@dataclass(frozen=True)
class Choice:
    """Alternatives of a pattern."""

    options: tuple[tuple[Node, ...], ...]


Node = str | Slot | Choice


@cache
def parse(pattern: str) -> tuple[Node, ...]:
    """Return the nodes of a pattern; ValueError when its brackets do not match."""
    tokens = list(_TOKEN.finditer(pattern))
    nodes, end = _sequence(tokens, 0, nested=False)
    if end != len(tokens) or sum(len(token.group()) for token in tokens) != len(pattern):
        raise ValueError(f"unbalanced pattern: {pattern}")
    return nodes


def _sequence(tokens: list[re.Match[str]], at: int, nested: bool) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    while at < len(tokens):
        text = tokens[at].group()
        if text in "|]":
            if nested:
                break
            raise ValueError(f"stray {text} in {tokens[at].string}")
        if text == "[":
            options = []
            while text != "]":
                option, at = _sequence(tokens, at + 1, nested=True)
                if at == len(tokens):
                    raise ValueError(f"open [ in {tokens[0].string}")
                options.append(option)
                text = tokens[at].group()
            nodes.append(Choice(tuple(options)))
        else:
            nodes.append(Slot(tokens[at].group(1)) if text.startswith("{") else text)
        at += 1
    return tuple(nodes), at


def possible(pattern: str, slots: Mapping[str, str]) -> bool:
    """Tell whether every slot that the pattern cannot do without is known."""
    return _possible(parse(pattern), slots)


def _possible(nodes: tuple[Node, ...], slots: Mapping[str, str]) -> bool:
    for node in nodes:
        if isinstance(node, Slot) and not node.text.startswith("#") and _name(node.text)[0] not in slots:
            return False
        if isinstance(node, Choice) and not any(_possible(option, slots) for option in node.options):
            return False
    return True


def _name(text: str) -> tuple[str, str]:
    name, _, look = text.partition(":")
    return name.rstrip("*"), look


def expand(
    pattern: str, slots: Mapping[str, str], draw: Draw, fresh: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, list[Span]]:
    """Write a pattern out. `fresh` gives the values that `{name*}` draws from."""
    parts: list[str] = []
    spans: list[Span] = []
    length = 0
    todo = list(reversed(parse(pattern)))
    while todo:
        node = todo.pop()
        if isinstance(node, Choice):
            todo.extend(reversed(draw.choice([option for option in node.options if _possible(option, slots)])))
            continue
        piece = node if isinstance(node, str) else _value(node.text, slots, draw, fresh or {})
        if isinstance(node, Slot):
            spans.append(Span(_name(node.text)[0], length, length + len(piece)))
        parts.append(piece)
        length += len(piece)
    return "".join(parts), spans


def _value(text: str, slots: Mapping[str, str], draw: Draw, fresh: Mapping[str, Sequence[str]]) -> str:
    if number := _NUMBER.match(text):
        return str(draw.between(int(number[1]), int(number[2])))
    name, look = _name(text)
    value = draw.choice(fresh[name]) if text.endswith("*") else slots[name]
    if look == "title":
        return title_case(value)
    if look == "cap":
        return value[:1].upper() + value[1:]
    if look == "lower":
        return value.lower()
    return f"{int(value):,}" if look == "," else value


def title_case(text: str) -> str:
    """Write an English phrase as in a title; words with digits or capitals stay."""
    words = text.split(" ")
    return " ".join(
        word if word != word.lower() or word in _SMALL or word[:1].isdigit() else word[:1].upper() + word[1:] for word in words
    )


def english(text: str) -> str:
    """Set a and an by the sound that follows, and begin the text with a capital."""

    def article(match: re.Match[str]) -> str:
        rest = text[match.end() :]
        vowel = _VOWEL.match(rest) and not _CONSONANT.match(rest)
        return f"{match[1]}n " if vowel else f"{match[1]} "

    text = _ARTICLE.sub(article, text)
    return text[:1].upper() + text[1:]
