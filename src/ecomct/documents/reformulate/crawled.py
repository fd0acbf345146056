"""What a crawl leaves of a page's controls: a folded text with its button, marks of headings within a line."""

from __future__ import annotations

import re

_BUTTON = re.compile(r"\s*(?:\.{3,6}|…{1,2}|。{3})?\s*展开全部\s*")
_LEAST = 6  # characters that two texts must share at their beginning to be one text, cut twice
# Between Chinese text, not at the beginning of a line, where it is Markdown; nor after a letter or digit (C# , 3# ).
_MARK = re.compile(r"(?<=[\u3400-\u9fff。！？；：，、…“”『』「」《）!?;:,)])#{1,4} (?=[\u3400-\u9fff“《「”0-9])")
_TOPIC = re.compile(r"#[^\s#]")  # #a topic#, as microblogs write it


def mended_folding(text: str) -> tuple[str, str]:
    """`text` without a button 展开全部 and the copy beside it that is cut shorter, and "unfolded"; else `text` and "".

    A page shows the beginning of a text, a button and the text again; a crawl has both, one or the other cut off.

    >>> mended_folding("玉器制作的历史悠久,至迟在8000年前...展开全部玉器制作的历史悠久")
    ('玉器制作的历史悠久,至迟在8000年前', 'unfolded')
    >>> mended_folding("玉器制作的历...展开全部玉器制作的历史悠久,至迟在8000年前"), mended_folding("点展开全部可以看到图片")
    (('玉器制作的历史悠久,至迟在8000年前', 'unfolded'), ('点展开全部可以看到图片', ''))
    """
    button = _BUTTON.search(text)
    if button is None:
        return text, ""
    folded, whole = text[: button.start()], text[button.end() :]
    least = min(len(folded), len(whole))
    if whole and (least < _LEAST or not _agree(folded, whole, least)):
        return text, ""
    return (whole if len(whole) > len(folded) else folded), "unfolded"


def _agree(one: str, other: str, length: int) -> bool:
    """Whether two texts begin alike: the shorter one is cut at a word, a mark or a space more or less."""
    return one[: max(_LEAST, length - 3)] == other[: max(_LEAST, length - 3)]


def mended_marks(text: str) -> tuple[str, str]:
    """`text` without the marks of headings that stand within a Chinese line, and "markup"; else `text` and "".

    >>> mended_marks("整体分为# 府邸和# 花园两部分"), mended_marks("# 简介"), mended_marks("C# 语言"), mended_marks("#节日# 快乐")
    (('整体分为府邸和花园两部分', 'markup'), ('# 简介', ''), ('C# 语言', ''), ('#节日# 快乐', ''))
    """
    meant = _MARK.sub("", text) if not _TOPIC.search(text) else text
    return meant, "markup" if meant != text else ""
