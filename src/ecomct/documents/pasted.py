"""A sentence or text that somebody pasted over and over, kept once.

What a customer says four times was said once. The text is mended and then judged, so that a review is not lost for its form.
"""

from __future__ import annotations

import re

from ecomct.rules.rule import MOST_CHARS

_LEAST_COPIES = 3
# What remains must say more than the units that the rule max_copies judges: nine Chinese characters, 18 Latin ones.
_LEAST_SIZE = 9
_PROBES = (3, 4, 5, 6, 7)  # eighths of the text; each stretch of half of it holds one a third of the stretch from its start
_SHORTEST = 12
_MOST_TRIED = 8
_BEGINS = re.compile(r"(?<=[。.!?;~\s])(?=[^。.!?;~\s])")


def kept_once(text: str) -> str:
    """`text` in which a unit that is written three times or more end to end, and makes half of it or more, stands once.

    What stands before and after the copies stays; a last copy that breaks off at the end of the text goes. A text of which less
    than nine Chinese characters (18 Latin ones) would be left is not touched: the rules judge it. Exact from 20 characters on,
    where no 4 characters of the unit (of longer texts 8 or 16) stand in it more than eight times. Idempotent. Cost: 3 us for a
    short text that repeats nothing; linear, as eight distances are tried at five places, for each copy of a copy again.

    >>> kept_once("电脑不错,有点商务气息!" * 4), kept_once("其他都好。" + "只是标签扎人,不改进一下?" * 5 + "只是标")
    ('电脑不错,有点商务气息!', '其他都好。只是标签扎人,不改进一下?')
    >>> kept_once("差评" * 30 + "用过之后头皮痒得难受!"), kept_once("很好很好很好很好很好很好很好很好很好")
    ('差评用过之后头皮痒得难受!', '很好很好很好很好很好很好很好很好很好')
    """
    while (shorter := _without_copies(text)) is not None:
        text = shorter
    return text


def _without_copies(text: str) -> str | None:
    """`text` without the copies of one unit, None where there is none that may go."""
    length = len(text)
    if not _SHORTEST <= length <= MOST_CHARS:
        return None
    size = 4 if length < 60 else 8 if length < 400 else 16
    for eighths in _PROBES:
        at = length * eighths // 8
        gram, before = text[at : at + size], at
        for _ in range(_MOST_TRIED):
            before = text.rfind(gram, 0, before + len(gram) - 1)
            if before < 0:
                break
            period = at - before
            start, end = _stretch(text, at, period)
            if end - start >= max(_LEAST_COPIES * period, (length + 1) // 2):
                if period == 1:
                    return None  # "!!!!!!" and "哈哈哈哈哈哈" are manners of speech
                once = _once(text, start, end, period)
                return once if _size(once) >= _LEAST_SIZE else None
    return None


def _stretch(text: str, at: int, period: int) -> tuple[int, int]:
    """The longest stretch about `at` in which every character is that of one period before."""
    start = at - period
    while start > 0 and text[start - 1] == text[start - 1 + period]:
        start -= 1
    end = at
    while end < len(text) and text[end] == text[end - period]:
        end += 1
    return start, end


def _once(text: str, start: int, end: int, period: int) -> str:
    """`text` with one unit in place of the copies; the unit begins where a sentence does, if one begins in it."""
    begin = _BEGINS.search(text, start, start + period) if start else None
    first = begin.start() if begin else start
    broken = (end - first) % period
    # A beginning of the unit before other text may be that text's own.
    rest = text[end - broken :] if end < len(text) else ""
    return (text[: first + period] + rest).strip()


def _size(text: str) -> float:
    """Length in characters that say as much as a Chinese one: two Latin letters are one."""
    return len(text) / 2 if text.isascii() else len(text)
