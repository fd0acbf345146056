"""Rules for web pages alone, after Gopher (Rae et al., 2021, table A1) and FineWeb (Penedo et al., 2024), right for Chinese.

Left out, as Chinese has neither: words a page, mean length of words, stop words (English pages are still asked for them),
lines that end in a full stop, short lines.
"""

from __future__ import annotations

import math
from collections import Counter

from ecomct.rules.rule import MOST_CHARS, Passage, rule

_BULLETS = tuple("-*•●·▪◦‣■□◆►▶")
_STOP_WORDS = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])
# In lower case. C4 drops every line with the word javascript, and with it half of what is written about programming.
_NOTICES = (
    *("enable javascript", "javascript is disabled", "javascript is required", "uses cookies", "accept cookies"),
    *("accept all cookies", "cookie policy", "ad blocker", "adblocker", "page not found", "access denied"),
    *("you are human", "启用javascript", "启用 javascript", "开启javascript", "开启 javascript", "浏览器不支持"),
    *("浏览器版本过低", "页面不存在", "页面未找到", "完成安全验证"),
)


def _lines(text: str) -> list[str]:
    """Lines that hold something, of the beginning of a long text."""
    return [line for line in text[:MOST_CHARS].split("\n") if line]


@rule(
    "max_stub",
    {"web": 0},
    "'X可以指:' announces a list that the crawl lost. `min_chars` cannot see it where X is long.",
)
def stub(passage: Passage) -> float:
    """1 where a page, its title apart, is one phrase of fewer than 16 characters that ends in a colon or in 指, else 0.

    >>> stub(Passage("圣安东尼奥可以指:", title="圣安东尼奥")), stub(Passage("圣安东尼奥是一座城市。", title="圣安东尼奥"))
    (1.0, 0.0)
    """
    title = passage.title
    body = passage.text.removeprefix(title).strip().removeprefix(title).strip() if title else passage.text
    return float(len(body) < 16 and body.endswith((":", "：", "指")))


@rule(
    "max_bullet_lines",
    {"web": 0.9},
    "Gopher: a page of bullets is a menu.",
)
def bullet_lines(passage: Passage) -> float:
    """Share of lines that begin with a bullet; 0 under five lines.

    >>> bullet_lines(Passage("- a\\n- b\\n* c\\n• d\\nend")), bullet_lines(Passage("- 一行"))
    (0.8, 0.0)
    """
    lines = _lines(passage.text)
    return sum(line.startswith(_BULLETS) for line in lines) / len(lines) if len(lines) >= 5 else 0.0


@rule(
    "max_ellipsis_lines",
    {"web": 0.7},
    "Gopher has 0.3, which a diary in broken sentences exceeds: lines that end in dots are teasers for other pages.",
)
def ellipsis_lines(passage: Passage) -> float:
    """Share of lines that end in an ellipsis; 0 under five lines.

    >>> ellipsis_lines(Passage("一...\\n二…\\n三。\\n四。\\n五......"))
    0.6
    """
    lines = _lines(passage.text)
    return sum(line.endswith(("...", "…")) for line in lines) / len(lines) if len(lines) >= 5 else 0.0


@rule(
    "max_duplicate_lines",
    {"web": 0.7},
    "Gopher has 0.3, which listings of code and works by year exceed.",
)
def duplicate_lines(passage: Passage) -> float:
    """Share of lines that stood before; 0 under five lines.

    >>> duplicate_lines(Passage("一\\n一\\n一\\n二\\n三")), duplicate_lines(Passage("一\\n一"))
    (0.4, 0.0)
    """
    lines = _lines(passage.text)
    return 1 - len(set(lines)) / len(lines) if len(lines) >= 5 else 0.0


@rule(
    "max_duplicate_line_chars",
    {"web": 0.5},
    "Gopher has 0.2, which articles with listings of code exceed.",
)
def duplicate_line_characters(passage: Passage) -> float:
    """Share of characters in lines that stood before; 0 under five lines.

    >>> duplicate_line_characters(Passage("一二三四\\n一二三四\\n五六\\n七\\n八"))
    0.333...
    """
    lines = _lines(passage.text)
    if len(lines) < 5:
        return 0.0
    again = sum(len(line) * (count - 1) for line, count in Counter(lines).items() if count > 1)
    return again / sum(map(len, lines))


@rule(
    "max_notices",
    {"web": 0.3},
    "C4, in part: what a page says to a browser that cannot show it.",
)
def notice_share(passage: Passage) -> float:
    """Share of characters in lines of fewer than 200 about JavaScript, cookies, robots and missing pages.

    >>> notice_share(Passage("Please enable JavaScript to view this page.")), notice_share(Passage("JavaScript 是一种语言"))
    (1.0, 0.0)
    """
    text = passage.text[:MOST_CHARS].lower()
    notices = [notice for notice in _NOTICES if notice in text]
    if not notices:
        return 0.0
    lines = _lines(text)
    found = [line for line in lines if len(line) < 200 and any(notice in line for notice in notices)]
    return sum(map(len, found)) / sum(map(len, lines))


@rule(
    "max_lorem_ipsum",
    {"web": 1, "article": 1, "description": 1},
    "C4, in part: a page that was never filled. C4 drops every page with the words, and with it those about them.",
    "count",
)
def lorem_ipsum(passage: Passage) -> float:
    """How often 'lorem ipsum' occurs, in 1,000 characters.

    >>> lorem_ipsum(Passage("Lorem ipsum dolor sit amet")), lorem_ipsum(Passage("Type lorem ipsum " + "and text " * 200))
    (38.4..., 0.5...)
    """
    text = passage.text
    return 1000 * text.lower().count("lorem ipsum") / len(text) if "ipsum" in text else 0.0


@rule(
    "min_stop_words",
    {"web": 1},
    "Gopher wants two: an English page of 50 words or more that has none of these eight is a list of names or parts.",
    "count",
)
def stop_words(passage: Passage) -> float:
    """Of 'the be to of and that have with' how many occur; infinite for Chinese and for fewer than 50 words.

    >>> stop_words(Passage("SKU 1234 " * 30, language="en")), stop_words(Passage("the cat and I " * 20, language="en"))
    (0, 2)
    >>> stop_words(Passage("第一页"))
    inf
    """
    if passage.language != "en":
        return math.inf
    words = passage.text[:MOST_CHARS].lower().split()
    return len(_STOP_WORDS.intersection(words)) if len(words) >= 50 else math.inf
