"""Rules against text that says one thing over and over: one unit written end to end, n-grams that return."""

from __future__ import annotations

import re

from ecomct.rules.rule import MOST_CHARS, Passage, rule

_MOST_UNIT = 8
_ENDS = " .!?~,;。、…-*"
# "!!!!!!" and "哈哈哈哈哈" are manners of speech: three of them say as much.
_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


@rule(
    "max_copies",
    dict.fromkeys(("title", "description", "review", "question", "answer", "article", "dialogue", "web"), 4),
    "Four times for emphasis is speech ('好好好好'); more is a hand that fills a form.",
    "count",
)
def copies(passage: Passage) -> float:
    """How often a unit of at most eight characters, written end to end, makes the whole text (1: it does not).

    >>> copies(Passage("好好好好好好好好!!")), copies(Passage("很好,很好,很好")), copies(Passage("good")), copies(Passage("好"))
    (8.0, 2.666..., 1.0, 1.0)
    """
    text = passage.text.rstrip(_ENDS)
    if len(text) < 2:
        return 1.0
    most = min(_MOST_UNIT, len(text) // 2)
    # The unit begins again where it ends.
    unit = text.find(text[0], 1, most + 1)
    while unit > 0:
        if text[unit:] == text[:-unit]:
            return len(text) / unit
        unit = text.find(text[0], unit + 1, most + 1)
    return 1.0


@rule(
    "max_repeated_ngrams",
    {
        "title": 0.6,
        "description": 0.6,
        "review": 0.7,
        "question": 0.7,
        "answer": 0.7,
        "article": 0.65,
        "dialogue": 0.65,
        "web": 0.65,
    },
    "What is said four times was said once. Customers do say things two or three times over.",
)
def repeated_ngrams(passage: Passage) -> float:
    """Share of n-grams of characters that stood before in the text; n grows with the text, and is larger for English.

    0 for fewer than 20 characters, and where none of five n-grams in the second half of the text stood before, as at least
    three in five of a text over the thresholds did. Of a long text the first 65,536 characters are looked at.

    >>> repeated_ngrams(Passage("质量很好,质量很好,质量很好,质量很好,质量很好,质量很好"))
    0.807...
    >>> repeated_ngrams(Passage("good product " * 5, language="en")), repeated_ngrams(Passage("质量很好,物流也很快!!!!!!!!!!!!"))
    (0.767..., 0.0)
    """
    text = passage.text
    length = len(text)
    if length < 20:
        return 0.0
    if length > MOST_CHARS:
        text, length = text[:MOST_CHARS], MOST_CHARS
    size = 4 if length < 100 else 6 if length < 1000 else 10
    if passage.language == "en":
        size = 2 * size + 2
    last = length - size
    for eighths in (4, 5, 6, 7, 8):
        at = last * eighths // 8
        if text.find(text[at : at + size]) < at:
            break
    else:
        return 0.0
    text = _RUN.sub(r"\1\1\1", text)
    grams = len(text) - size + 1
    return 1 - len({text[start : start + size] for start in range(grams)}) / grams if grams > 0 else 0.0
