"""A raw field value made text, where it is certain what it was."""

from __future__ import annotations

import re

from ecomct.documents.reformulate.crawled import mended_folding, mended_marks
from ecomct.documents.reformulate.encoded import mended_base64
from ecomct.documents.reformulate.mojibake import mended_encoding, seems_garbled
from ecomct.documents.reformulate.notation import mended_notation
from ecomct.documents.reformulate.run_together import mended_run_together
from ecomct.documents.reformulate.wikitext import mended_wikitext

# A tag that the end of the text cuts off, after its name and an attribute.
_CUT_TAG = re.compile(
    r"""<(?:a|b|br|div|em|font|h[1-6]|i|iframe|img|li|ol|p|span|strong|table|tbody|td|th|tr|ul)\s+[\w:-]+\s*=[^<>]*$""",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r'(?<!\\)\\+"')


def reformulate(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` as the words that it stands for, and what was mended; before markup is taken out.

    The kinds, in the order of the work: `mojibake` (UTF-8 or GBK that was read as something else), `base64` (decoded to
    text, or removed where it is an image), `json` (JSON or a dict-like notation, as "key: value; key: value" in its own
    order), `run_together` ("color:redsize:XL"), `markup` (a tag cut off at the end of the text, marks of headings within a
    line), `unfolded` (a text cut short before the button 展开全部 and once more), `escapes` (a backslash before every
    quotation mark), `wikitext` (conversion marks and emptied brackets of a wiki). What looks like one of these and cannot
    be read with certainty stays as it is, with `kept:` before the kind. Good text is not touched.
    Never raises. Linear; below 2 us for plain text.

    >>> reformulate('{"颜色": "红色", "尺码": ["S", "M"]}')
    ('颜色: 红色; 尺码: S, M', ('json',))
    >>> reformulate("鎴戜滑"), reformulate("颜色:红色尺码:XL"), reformulate('{"color": "red')
    (('我们', ('mojibake',)), ('颜色:红色; 尺码:XL', ('run_together',)), ('{"color": "red', ('kept:json',)))
    >>> reformulate("a {plain} text: 10:30, [sic]")
    ('a {plain} text: 10:30, [sic]', ())
    """
    kinds: list[str] = []
    if not text.isascii() and seems_garbled(text):
        text = _noted(mended_encoding(text), kinds)
    if len(text) >= 40 or "base64," in text:
        text = _noted(mended_base64(text), kinds)
    if "{" in text or "[" in text:
        text = _noted(mended_notation(text), kinds)
    if "#:#" in text or ":" in text or "：" in text:
        text = _noted(mended_run_together(text), kinds)
    if "<" in text:
        text = _noted(_without_cut_tag(text), kinds)
    if "# " in text:
        text = _noted(mended_marks(text), kinds)
    if "展开全部" in text:
        text = _noted(mended_folding(text), kinds)
    if '\\"' in text and "json" not in kinds and '"' not in _ESCAPED.sub("", text):
        # Where some quotation marks have none it is code that is quoted.
        text = _noted((_ESCAPED.sub('"', text), "escapes"), kinds)
    if "-{" in text or "(" in text or "（" in text:
        text = _noted(mended_wikitext(text), kinds)
    return text, tuple(kinds)


def _noted(mended: tuple[str, str], kinds: list[str]) -> str:
    text, kind = mended
    if kind:
        kinds.append(kind)
    return text


def _without_cut_tag(text: str) -> tuple[str, str]:
    start = text.rfind("<")
    if text.find(">", start) >= 0 or not _CUT_TAG.match(text, start):
        return text, ""
    return text[:start], "markup"
