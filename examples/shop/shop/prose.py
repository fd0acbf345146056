"""General text: encyclopaedia, news, essays; nothing about the shops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .draw import Draw
from .grammar import english, expand
from .notation import Section, decide, facts_of
from .products import read_once

FILES = {
    "zh": ["zh_places", "zh_life", "zh_more", "zh_extra"],
    "en": ["en_places", "en_life", "en_more", "en_extra"],
}


class Piece(NamedTuple):
    """One general document."""

    title: str
    text: str
    sort: str


def pieces(language: str, amount: int, draw: Draw) -> Iterator[Piece]:
    """Write documents, topics in turn."""
    topics = [
        (shared, own) for name in FILES[language] for shared, *sections in [read_once(f"general/{name}.txt")] for own in sections
    ]
    for number in range(amount):
        yield _piece(language, *topics[number % len(topics)], draw)


def _piece(language: str, shared: Section, own: Section, draw: Draw) -> Piece:
    facts = decide([shared, own], draw)
    fresh = {fact.keys[0]: [value[0] for value in fact.values] for fact in facts_of([shared, own])}

    def say(pattern: str) -> str:
        text = expand(pattern, facts, draw, fresh)[0]
        return english(text) if language == "en" else text

    groups = [tag for tag in own.lines if tag.startswith("P")]
    chosen = sorted(draw.sample(groups, draw.weighted([(1, 1), (2, 3), (3, 4)])))
    body = [draw.sample(own.of(tag), draw.between(1, 4)) for tag in chosen]
    blocks = [[draw.choice(own.of("O"))], *body]
    if draw.chance(0.7):
        blocks.append([draw.choice(own.of("C"))])
    glue = "" if language == "zh" else " "
    lines = [glue.join(say(pattern) for pattern in block) for block in blocks]
    title = say(draw.choice(own.of("N")))
    return Piece(title, "\n".join(lines), own.head)
