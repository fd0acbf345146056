"""Text that was written in one encoding and read in another."""

from __future__ import annotations

import re

import ftfy
from ftfy.badness import badness


def _characters(leads: range, trails: range) -> str:
    """Characters of GBK with these first and second bytes."""
    pairs = (bytes((lead, trail)) for lead in leads for trail in trails if trail != 0x7F)
    return "".join(pair.decode("gbk", "ignore") for pair in pairs)


# UTF-8 of a Han character (E3-E9, 80-BF, 80-BF) read as GBK gives, at either parity, characters that Chinese hardly uses.
_RARE = _characters(range(0xE3, 0xEA), range(0x80, 0xC0)) + _characters(range(0x80, 0xA1), range(0xE3, 0xEA))
# Bytes 80-BF as Windows-1252 shows them.
_CONTINUING = (
    "\x80-\xbf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a"
    "\u20ac\u2122"
)
_LATIN_RUN = re.compile("[\xa1-\xfe]{4}")
# One set of first characters, then what each asks for: a pattern that begins with a set is sought several times faster than
# one that begins with alternatives.
_SIGNS = re.compile(
    f"[\x80-\x9f\xa1-\xfe{_RARE}锟]"
    f"(?:(?<=[\x80-\x9f{_RARE}])|(?<=[\xc2-\xf4])[{_CONTINUING}]|(?<=[\xa1-\xfe])[\xa1-\xfe]{{3}}|(?<=锟)斤拷)"
)
_RARE_SIGNS = re.compile(f"[{_RARE}]")


def _gb2312(leads: range) -> str:
    """Characters of GB 2312 in these rows."""
    pairs = (bytes((lead, trail)) for lead in leads for trail in range(0xA1, 0xFF))
    return "".join(pair.decode("gb2312", "ignore") for pair in pairs)


# Characters of level 1; all but those, ASCII and the signs of the first three rows.
_FREQUENT = re.compile(f"[{_gb2312(range(0xB0, 0xD8))}]")
_OTHERS = re.compile(f"[^\\x00-\\x7f{re.escape(_gb2312(range(0xA1, 0xA4)))}{_gb2312(range(0xB0, 0xD8))}]")


def seems_garbled(text: str) -> bool:
    """Whether `mended_encoding` may have something to say; cheap."""
    return _SIGNS.search(text) is not None


def mended_encoding(text: str) -> tuple[str, str]:
    """The text that was meant and "mojibake", `text` and "kept:mojibake" where it is lost, `text` and "" where it is good."""
    meant = _read_as_gbk(text) or _gbk_read_as_latin(text) or _fixed(text)
    if meant and meant.count("\ufffd") <= text.count("\ufffd"):
        return meant, "mojibake"
    return text, "kept:mojibake" if meant or "锟斤拷" in text or _has_lost_bytes(text) else ""


def _has_lost_bytes(text: str) -> bool:
    """Whether `text` is UTF-8 read as GBK of which some bytes are gone."""
    if len(_RARE_SIGNS.findall(text, 0, 2000)) < 2:
        return False
    meant = text[:2000].encode("gb18030", "ignore").decode("utf-8", "ignore")
    return _is_common_chinese(meant, 2) and not _is_common_chinese(text[:2000], 2)


def _fixed(text: str) -> str | None:
    """UTF-8 that was read as Latin-1, Windows-1252 and the like, by ftfy; the result must look better."""
    try:
        meant = ftfy.fix_encoding(text)
    except (UnicodeError, ValueError):
        return None
    return meant if meant != text and badness(meant) < badness(text) else None


def _read_as_gbk(text: str) -> str | None:
    """UTF-8 that was read as GBK, where its bytes are UTF-8 of common characters and `text` is of uncommon ones."""
    if not _RARE_SIGNS.search(text):
        return None
    try:
        meant = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return None
    return meant if _is_common_chinese(meant, 2) and not _is_common_chinese(text, 2) else None


def _gbk_read_as_latin(text: str) -> str | None:
    """GBK that was read as Latin-1 or Windows-1252."""
    if not _LATIN_RUN.search(text):
        return None
    for encoding in ("latin-1", "cp1252"):
        try:
            meant = text.encode(encoding).decode("gb2312")
        except UnicodeError:
            continue
        return meant if _is_common_chinese(meant, 3) else None
    return None


def _is_common_chinese(text: str, least: int) -> bool:
    """Whether `text` has `least` Chinese characters or more, nine in ten of them frequent (GB 2312, level 1)."""
    frequent = len(_FREQUENT.findall(text))
    return frequent >= least and len(_OTHERS.findall(text)) * 9 <= frequent
