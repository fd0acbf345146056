"""What stripping wiki markup leaves in Chinese pages: conversion marks, and brackets whose template is gone."""

from __future__ import annotations

import re

from ecomct.documents.language import count_letters

_CONVERSION = re.compile(r"-\{([^{}\n]{0,400})\}-")
_FLAGS = re.compile(r"^\s*([A-Z;-]{0,8})\|")
_VARIANT = re.compile(r"^\s*(zh(?:-[a-z]{2,4})?)\s*[:：](.*)$", re.I)
_HANS = ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh", "zh-hant", "zh-tw", "zh-hk", "zh-mo")
_HANT = ("zh-hant", "zh-tw", "zh-hk", "zh-mo", "zh", "zh-hans", "zh-cn", "zh-sg", "zh-my")
# Each only after Han or a Chinese mark: "main()" names a function.
_EMPTY = re.compile(r"(?<=[^\x00-\x7f]) ?[(（][\s,，;；、:：]*[)）]")
_NAMELESS = re.compile(r"(?<=[^\x00-\x7f])[(（](?:[\u3400-\u9fff]{1,5}[語语文][:：][\s,，;；、]*)+[)）]")
_LEADING = re.compile(r"(?<=[^\x00-\x7f])([(（])\s*(?:[,，;；、]\s*)+(?=[\w《「『“][^()（）\n]{0,200}[)）])")


def mended_wikitext(text: str) -> tuple[str, str]:
    """`text` with each -{ }- read as its own script would, without empty brackets, and `wikitext` where anything changed.

    The variant is Simplified or Traditional as most of the text; a title's or a hidden conversion shows nothing. What
    is no conversion of Chinese (TeX, code) stays. Linear.

    >>> mended_wikitext("-{zh-cn:打印机; zh-tw:印表機}-很贵"), mended_wikitext("莫札特(,,德語:)是音樂家(; 1756年)")
    (('打印机很贵', 'wikitext'), ('莫札特是音樂家(1756年)', 'wikitext'))
    >>> mended_wikitext("呼叫 main()。 a foo () b -{x}-")
    ('呼叫 main()。 a foo () b -{x}-', '')
    """
    before = text
    if "-{" in text:
        letters = count_letters(text)
        order = _HANT if letters.traditional > letters.simplified else _HANS
        text = _CONVERSION.sub(lambda match: _shown(match, order), text)
    if ("(" in text or "（" in text) and not text.isascii():
        text = _NAMELESS.sub("", _LEADING.sub(r"\1", text))
        text = _EMPTY.sub("", text)
    return text, "wikitext" if text != before else ""


def _shown(match: re.Match[str], order: tuple[str, ...]) -> str:
    """What a reader of one script sees of a conversion."""
    body = match[1]
    flags = _FLAGS.match(body)
    if flags:
        if set(flags[1]) & set("HT-"):
            return ""
        body = body[flags.end() :]
    variants = {found[1].lower(): found[2].strip() for part in body.split(";") if (found := _VARIANT.match(part))}
    if variants:
        return next((variants[name] for name in order if variants.get(name)), "")
    # Without variants it keeps its text from being converted; code and formulas are not Han.
    return body.strip() if not body or not body.isascii() else match[0]
