"""Base64 inside text: text in it is decoded, an image or another file in it is removed."""

from __future__ import annotations

import base64
import binascii
import re

_DATA_LINK = re.compile(
    r"data:[a-z]+/[\w.+-]+(?:;[\w=.-]+)*;base64,\s?[A-Za-z0-9+/_=-]*(?:\r?\n[A-Za-z0-9+/]{60,}+={0,2})*", re.IGNORECASE
)
# Not a part of a path or a longer word.
_RUN = re.compile(r"(?<![A-Za-z0-9+/=_.:%-])(?:[A-Za-z0-9+/]{40,}+)(?:\r?\n[A-Za-z0-9+/]{4,}+)*={0,2}(?![\w.%=-])")
# What may stand in a run is "a", all else " "; bytes are sought many times faster than the pattern.
_IN_RUN = bytes(97 if code < 128 and (chr(code).isalnum() or chr(code) in "+/") else 32 for code in range(256))
_SHORTEST = b"a" * 40
_FILES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"%PDF",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BM",
    b"II*\x00",
    b"\x00\x00\x01\x00",
    b"OggS",
    b"ID3",
)


def mended_base64(text: str) -> tuple[str, str]:
    """`text` with base64 decoded or removed, and "base64", "kept:base64" (long, and neither text nor a file) or ""."""
    meant = _DATA_LINK.sub("", text) if "base64," in text else text
    kinds: set[str] = {"base64"} if meant != text else set()
    if _SHORTEST in meant.encode("ascii", "replace").translate(_IN_RUN):
        meant = _RUN.sub(lambda run: _decoded(run[0], kinds), meant)
    return meant, ("base64" if "base64" in kinds else "kept:base64" if kinds else "")


def _decoded(run: str, kinds: set[str]) -> str:
    try:
        data = base64.b64decode("".join(run.split()), validate=True)
    except (binascii.Error, ValueError):
        return run
    if data.startswith(_FILES):
        kinds.add("base64")
        return ""
    try:
        text = data.decode("utf-8")
    except UnicodeError:
        # A hash or a key is short or of hexadecimal digits; a file is long and of all letters.
        if len(run) >= 400 and len(set(run)) >= 40:
            kinds.add("kept:base64")
        return run
    if not text.replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable():
        return run
    kinds.add("base64")
    return text
