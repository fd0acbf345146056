"""Rules against fields that only repeat another: a body that is its title, a value that is its key."""

from __future__ import annotations

from rapidfuzz.fuzz import ratio

from ecomct.rules.phrases import plain
from ecomct.rules.rule import Passage, rule

# Comparing two texts costs their lengths multiplied (in steps of 64); titles are shorter.
_MOST_CHARS = 1000


@rule(
    "max_value_is_name",
    {"value": 0},
    "'colour: colour' is an empty form.",
)
def value_is_name(passage: Passage) -> float:
    """1 where a value is its key, without regard to case and signs around it, else 0.

    >>> value_is_name(Passage("颜色:", name="颜色")), value_is_name(Passage("红色", name="颜色"))
    (1.0, 0.0)
    """
    name = passage.name
    return float(bool(name) and len(passage.text) < len(name) + 8 and plain(passage.text) == plain(name))


@rule(
    "max_title_repeat",
    {"description": 0.95, "article": 0.95, "web": 0.95},
    "The body is its title once more. A review may say what its headline says ('Great', 'great'): it is kept.",
)
def title_repeat(passage: Passage) -> float:
    """How alike the text and its title are (1: equal but for case and signs around them); 0 where their lengths differ by half.

    >>> title_repeat(Passage("2014国际钱币护照。", title="2014国际钱币护照"))
    1.0
    >>> title_repeat(Passage("2014国际钱币护照,限量发行三千册,附收藏证书", title="2014国际钱币护照"))
    0.0
    """
    title, text = passage.title, passage.text
    if not title or len(text) > len(title) * 1.5 + 8 or len(title) > len(text) * 1.5 + 8:
        return 0.0
    text, title = plain(text), plain(title)
    if text == title or len(title) > _MOST_CHARS:
        return float(text == title)
    return ratio(text, title) / 100
