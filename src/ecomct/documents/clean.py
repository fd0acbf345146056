"""Normalisation of one field value: markup out, NFKC, white space folded."""

from __future__ import annotations

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser

_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(\s[^<>]*)?/?>|<!--")
_BREAK = re.compile(r"</?(?:p|div|br|li|ul|ol|tr|table|td|th|h[1-6]|section|article|blockquote|hr)\b[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_LINE_END = re.compile("\r\n?|\u2028|\u2029")
_SPACE = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r" ?\n ?")
_PARAGRAPHS = re.compile(r"\n{3,}")
# Control and format characters carry no text; the joiners U+200C and U+200D do, in scripts and emoji.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
# What tables write for "no value". Compared whole, after cleaning, without case.
_NO_VALUE = frozenset(
    {"", "null", "none", "nan", "n/a", "nil", "undefined", "-", "--", "/", "\\n", "暂无", "见详情", "详见详情页"}
)


def clean_value(text: str, keep_lines: bool = False) -> str:
    """Return `text` without markup, entities and invisible characters, in NFKC, white space folded.

    `keep_lines` keeps line breaks (at most one blank line in a row) for long text; otherwise a break
    becomes a space. The result is "" where the value says that there is none.

    >>> clean_value("<p>ＡＢＣ&amp;nbsp;棉 <b>T恤</b></p>"), clean_value("1 < 2 <3"), clean_value(" null ")
    ('ABC 棉 T恤', '1 < 2 <3', '')
    """
    if "&" in text:
        text = _unescape(text)
    if "<" in text and _TAG.search(text):
        text = _text_of(text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", _LINE_END.sub("\n", text)))
    folded = " ".join(text.split()) if not keep_lines else _NEWLINES.sub("\n", _SPACE.sub(" ", text)).strip()
    text = _PARAGRAPHS.sub("\n\n", folded)
    return "" if len(text) < 8 and text.casefold() in _NO_VALUE else text


def _unescape(text: str) -> str:
    """Resolve entities, twice where a shop has escaped an already escaped text."""
    for _ in range(2):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    return text


def _text_of(markup: str) -> str:
    """Visible text of an HTML fragment; block elements end a line, inline ones leave no gap."""
    tree = LexborHTMLParser(_BREAK.sub(lambda match: "\n" + match[0], markup))
    tree.strip_tags(["script", "style", "template", "noscript"])
    return tree.body.text(deep=True, separator="") if tree.body else ""
