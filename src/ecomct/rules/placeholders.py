"""Rules against fields that only say that there is no text."""

from __future__ import annotations

from ecomct.rules.phrases import DEFAULT_REVIEWS, EMPTY_VALUES, MOST_CHARS, MOST_CHARS_LISTED, PLACEHOLDERS, POINTERS, plain
from ecomct.rules.rule import PROFILES, Passage, rule


@rule(
    "max_placeholder",
    dict.fromkeys(PROFILES, 0),
    "The field says that nothing was written.",
)
def placeholder(passage: Passage) -> float:
    """1 where the whole text is a listed placeholder, else 0.

    >>> placeholder(Passage("暂无描述")), placeholder(Passage("(Test)")), placeholder(Passage("test passed, it works"))
    (1.0, 1.0, 0.0)
    """
    text = passage.text
    return 1.0 if len(text) <= MOST_CHARS_LISTED and plain(text) in PLACEHOLDERS else 0.0


@rule(
    "max_pointer",
    {"title": 0, "value": 0, "description": 0},
    "The field says where to look instead. In a review the same words are an opinion: 'as shown', '如图'.",
)
def pointer(passage: Passage) -> float:
    """1 where the whole text only points at a picture or a page, else 0.

    >>> pointer(Passage("见详情")), pointer(Passage("As shown.")), pointer(Passage("如图所示的红色款"))
    (1.0, 1.0, 0.0)
    """
    text = passage.text
    return 1.0 if len(text) <= MOST_CHARS_LISTED and plain(text) in POINTERS else 0.0


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
    text = passage.text
    return 1.0 if len(text) <= MOST_CHARS_LISTED and plain(text) in EMPTY_VALUES else 0.0


# A seller's number for the row; that of a model or a book is known beyond the shop.
_IDENTIFIERS = frozenset(("asin", "parent asin", "parent_asin", "sku", "商品编号", "商品id", "商品编码"))


@rule(
    "max_identifier",
    {"value": 0},
    "The shop's own number of a product says nothing of it, and after a copied form it is that of another.",
)
def identifier(passage: Passage) -> float:
    """1 where the key is that of a shop's own number, else 0.

    >>> identifier(Passage("B004LLIKVU", name="ASIN")), identifier(Passage("WH-1000XM5", name="Item model number"))
    (1.0, 0.0)
    """
    return float(passage.name.casefold().strip(" :：") in _IDENTIFIERS)


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
    return 1.0 if 3 < len(text) <= MOST_CHARS and DEFAULT_REVIEWS.fullmatch(plain(text)) else 0.0
