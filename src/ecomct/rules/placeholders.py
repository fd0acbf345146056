"""Rules against fields that only say that there is no text."""

from __future__ import annotations

from ecomct.rules.phrases import DEFAULT_REVIEWS, EMPTY_VALUES, MOST_CHARS, PLACEHOLDERS, plain
from ecomct.rules.rule import PROFILES, Passage, rule


@rule(
    "max_placeholder",
    dict.fromkeys(PROFILES, 0),
    "The field says that there is nothing, or where to look instead.",
)
def placeholder(passage: Passage) -> float:
    """1 where the whole text is a listed placeholder, else 0.

    >>> placeholder(Passage("见详情")), placeholder(Passage("(Test)")), placeholder(Passage("test passed, it works"))
    (1.0, 1.0, 0.0)
    """
    return float(len(passage.text) <= MOST_CHARS and plain(passage.text) in PLACEHOLDERS)


@rule(
    "max_empty_value",
    {"value": 0},
    "The value leaves its key without an answer: a reader of 'material: other' knows no more than before.",
)
def empty_value(passage: Passage) -> float:
    """1 where the value is a listed word for none of the answers, else 0. "无", "no" and "0" are answers.

    >>> empty_value(Passage("其他")), empty_value(Passage("Does not apply")), empty_value(Passage("无"))
    (1.0, 1.0, 0.0)
    """
    return float(len(passage.text) <= MOST_CHARS and plain(passage.text) in EMPTY_VALUES)


@rule(
    "max_default_review",
    {"review": 0, "answer": 0, "description": 0},
    "The shop's software wrote it for a customer who wrote nothing.",
)
def default_review(passage: Passage) -> float:
    """1 where the whole text is what a shop shows for a review without text, else 0.

    >>> default_review(Passage("此用户没有填写评价。")), default_review(Passage("评价方未及时做出评价,系统默认好评!"))
    (1.0, 1.0)
    >>> default_review(Passage("The customer did not leave a review")), default_review(Passage("好评"))
    (1.0, 0.0)
    """
    text = passage.text
    return float(3 < len(text) <= MOST_CHARS and DEFAULT_REVIEWS.fullmatch(plain(text)) is not None)
