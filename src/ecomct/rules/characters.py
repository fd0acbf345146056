"""Rules that count characters: length, letters, signs, wrecked encodings, numbers. No words: Chinese has no spaces."""

from __future__ import annotations

import re

from ecomct.rules.rule import Passage, rule

_LETTERS = re.compile(r"[^\W_]+")
# What tables write for yes, no and a rating. Where nothing else stands, it is the answer.
_MARKS = re.compile("[✓✔√☑✗✘❌✅×○●◎★☆⭐]")
# Arrows, technical and geometric signs, dingbats, emoji; ℃, ™ and what else is a letter's or unit's kin are not here.
_SYMBOLS = re.compile("[\u2190-\u21ff\u2300-\u23ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]")
_MAY_BE_WRECKED = re.compile("[\ufffd锟烫屯\u00a1-\u00ff\u20ac\ue000-\uf8ff]")
# UTF-8 read as GBK twice; memory that was never written; UTF-8 or GBK read as Latin-1.
_WRECKED = re.compile(
    "\ufffd|(?:锟斤拷?|斤拷锟?)+|烫{3,}|屯{3,}|ï¿½|â€|(?:[ÂÃ][\u0080-\u00bf€])+|[\u00a1-\u00ff]{5,}|[\ue000-\uf8ff]"
)
_LONG_NUMBER = re.compile(r"\d{8,}", re.ASCII)


@rule(
    "max_chars",
    {"title": 500},
    "A title of more than 500 characters is a description in the wrong column.",
    "count",
)
@rule(
    "min_chars",
    {"title": 2, "web": 30},
    "A title of one character names nothing. A page of fewer than 30 is a stub or an error message.",
    "count",
)
def characters(passage: Passage) -> float:
    """Number of characters.

    >>> characters(Passage("索尼耳机"))
    4
    """
    return len(passage.text)


@rule(
    "min_alphanumeric",
    {
        "title": 0.3,
        "value": 0.1,
        "description": 0.3,
        "review": 0.15,
        "question": 0.2,
        "answer": 0.15,
        "article": 0.4,
        "dialogue": 0.4,
        "web": 0.5,
    },
    "Text is letters and digits, Han among them; what lies under the threshold is rows of signs.",
)
def alphanumeric_share(passage: Passage) -> float:
    """Letters and digits among the characters that are not white space; ticks and stars where there is nothing else.

    >>> alphanumeric_share(Passage("好, 不错!")), alphanumeric_share(Passage("......")), alphanumeric_share(Passage("✓"))
    (0.6, 0.0, 1.0)
    """
    text = passage.text
    signs = len(text) - text.count(" ") - text.count("\n")
    letters = sum(map(len, _LETTERS.findall(text))) or len(_MARKS.findall(text))
    return letters / signs if signs > 0 else 0.0


@rule(
    "max_symbols",
    {
        "title": 0.4,
        "description": 0.4,
        "review": 0.7,
        "question": 0.6,
        "answer": 0.6,
        "article": 0.2,
        "dialogue": 0.3,
        "web": 0.2,
    },
    "Arrows, boxes and emoji decorate text; where they are most of it there is none.",
)
def symbol_share(passage: Passage) -> float:
    """Share of arrows, boxes, dingbats and emoji.

    >>> symbol_share(Passage("★★★★包邮")), symbol_share(Passage("25℃ ±1, 5×3cm")), symbol_share(Passage("😀😀👍好"))
    (0.666..., 0.0, 0.75)
    """
    text = passage.text
    if text.isascii():
        return 0.0
    return len(_SYMBOLS.findall(text)) / len(text)


@rule(
    "max_mojibake",
    dict.fromkeys(("title", "value", "description", "review", "question", "answer", "dialogue"), 0.1)
    | {"article": 0.02, "web": 0.02},
    "What is left of a wrong encoding after repair; one lost character in a sentence is not worth the sentence.",
)
def mojibake_share(passage: Passage) -> float:
    """Share of replacement characters, private ones and known remains of wrong encodings.

    >>> mojibake_share(Passage("锟斤拷锟斤拷铁壶")), mojibake_share(Passage("ÄãºÃÂð")), mojibake_share(Passage("Café à São Paulo"))
    (0.75, 1.0, 0.0)
    """
    text = passage.text
    if text.isascii() or _MAY_BE_WRECKED.search(text) is None:
        return 0.0
    return sum(map(len, _WRECKED.findall(text))) / len(text)


@rule(
    "max_long_numbers",
    {
        "title": 0.8,
        "description": 0.6,
        "review": 0.6,
        "question": 0.6,
        "answer": 0.8,
        "article": 0.3,
        "dialogue": 0.3,
        "web": 0.3,
    },
    "A field that is one long number is a key, a bar code or a hand on the keyboard. Values may be numbers.",
)
def long_number_share(passage: Passage) -> float:
    """Share of characters in runs of eight or more digits.

    >>> long_number_share(Passage("6901234567892")), long_number_share(Passage("iPhone 15 256GB 2023"))
    (1.0, 0.0)
    """
    text = passage.text
    if _LONG_NUMBER.search(text) is None:
        return 0.0
    return sum(map(len, _LONG_NUMBER.findall(text))) / len(text)
