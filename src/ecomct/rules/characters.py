"""Rules that count characters: length, letters, signs, wrecked encodings, numbers. No words: Chinese has no spaces."""

from __future__ import annotations

import re

from ecomct.rules.rule import Passage, rule

# Counted over bytes, several times faster than over characters.
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
# Beyond ASCII: the blocks of punctuation, currency, arrows, mathematics, boxes, dingbats, emoji and Chinese punctuation.
_SIGNS = re.compile(
    "[\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff"
    "\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\ufe0f\ufe30-\ufe4f\ufffc\ufffd\U0001f000-\U0001faff]"
)
# What tables write for yes, no and a rating. Where nothing else stands, it is the answer.
_MARKS = re.compile("[✓✔√☑✗✘❌✅×○●◎★☆⭐]")
# Arrows, technical and geometric signs, dingbats, emoji; ℃, ™ and what else is a letter's or unit's kin are not here.
_SYMBOLS = re.compile("[\u2190-\u21ff\u2300-\u23ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]")
_MAY_BE_WRECKED = re.compile("[\ufffd锟烫屯\u00c0-\u00d6\u00d8-\u00ff\ue600-\uf8ff]")
# UTF-8 read as GBK twice; memory that was never written; UTF-8 read as Latin-1 or cp1252.
_WRECKS = ("\ufffd", "锟斤拷", "烫烫烫", "屯屯屯", "ï¿½", "â€")
# GBK or UTF-8 read as Latin-1: four accented letters, hardly parted. Private characters; those of old telephones'
# emoji (U+E001 to U+E537) stand in real reviews.
_WRECKED = re.compile("(?:[\u00a1-\u00bf\u00d7]{0,2}[\u00c0-\u00d6\u00d8-\u00ff]){4,}|[\ue600-\uf8ff]")
_LONG_NUMBER = re.compile("[0-9][0-9]{9,}")
# Definitions of links, and addresses.
_LINKS = re.compile(r"^\[[^\]\n]{0,80}\]:[^\n]*|https?://[!-~]+", re.MULTILINE)
_SHORT_FIELDS = ("title", "value", "description", "review", "question", "answer", "dialogue")


def letters(text: str) -> int:
    """Number of letters and digits, Han among them: all characters but white space, signs and symbols.

    >>> letters("索尼 WH-1000XM5, 黑色")
    13
    """
    encoded = text.encode("utf-8", "replace")
    count = len(text) - len(encoded) + len(encoded.translate(None, _ASCII_SIGNS))
    return count if len(encoded) == len(text) else count - len(_SIGNS.findall(text))


@rule(
    "max_chars",
    {"title": 500},
    "A title of more than 500 characters is a description in the wrong column.",
    "count",
)
@rule(
    "min_chars",
    {"title": 2, "web": 8},
    "A title of one character names nothing. A page of fewer than 8 is a heading or an error message.",
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
        "description": 0.2,
        "review": 0.03,
        "question": 0.03,
        "answer": 0.03,
        "article": 0.4,
        "dialogue": 0.3,
        "web": 0.4,
    },
    "Rows of signs are no text. Customers write long rows of dots after two true words, hence the low threshold of reviews.",
)
def alphanumeric_share(passage: Passage) -> float:
    """Letters and digits, Han among them, of the characters that are not spaces; ticks and stars where there is nothing else.

    Of a page without its links and their definitions, which are letters for the most part.

    >>> alphanumeric_share(Passage("好, 不错!")), alphanumeric_share(Passage("......")), alphanumeric_share(Passage("✓"))
    (0.6, 0.0, 1.0)
    """
    text = passage.text
    if passage.profile == "web" and "://" in text:
        text = _LINKS.sub("", text)
    filled = len(text) - text.count(" ") - text.count("\n")
    return (letters(text) or len(_MARKS.findall(text))) / filled if filled else 0.0


@rule(
    "max_symbols",
    {
        "title": 0.4,
        "description": 0.4,
        "review": 0.8,
        "question": 0.8,
        "answer": 0.8,
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
    return 0.0 if text.isascii() else len(_SYMBOLS.findall(text)) / len(text)


@rule(
    "max_mojibake",
    dict.fromkeys(_SHORT_FIELDS, 0.1) | {"article": 0.02, "web": 0.02},
    "What is left of a wrong encoding after repair; one lost character in a sentence is not worth the sentence.",
)
def mojibake_share(passage: Passage) -> float:
    """Share of replacement characters, private ones and known remains of wrong encodings.

    >>> mojibake_share(Passage("锟斤拷锟斤拷铁壶")), mojibake_share(Passage("ÄãºÃÂð")), mojibake_share(Passage("Café São ···"))
    (0.75, 1.0, 0.0)
    """
    text = passage.text
    if text.isascii() or _MAY_BE_WRECKED.search(text) is None:
        return 0.0
    wrecks = sum(text.count(wreck) * len(wreck) for wreck in _WRECKS)
    return min(1.0, (wrecks + sum(map(len, _WRECKED.findall(text)))) / len(text))


@rule(
    "max_long_numbers",
    {
        "title": 0.9,
        "description": 0.9,
        "review": 0.9,
        "question": 0.9,
        "answer": 0.9,
        "article": 0.5,
        "dialogue": 0.5,
        "web": 0.5,
    },
    "A field that is one long number is a key, a bar code or a hand on the keyboard. Values may be numbers.",
)
def long_number_share(passage: Passage) -> float:
    """Share of characters in runs of ten or more digits.

    >>> long_number_share(Passage("6901234567892")), long_number_share(Passage("iPhone 15 256GB 2023"))
    (1.0, 0.0)
    """
    text = passage.text
    if _LONG_NUMBER.search(text) is None:
        return 0.0
    return sum(map(len, _LONG_NUMBER.findall(text))) / len(text)
