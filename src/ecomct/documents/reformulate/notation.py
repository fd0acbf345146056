"""JSON, Python's and loose dict notations as "key: value; key: value"."""

from __future__ import annotations

import ast
import html
import json
import re
import warnings
from contextlib import suppress
from typing import Any

import orjson

from ecomct.documents.reformulate.loose import parse_loose

_MAX_CHARS = 100_000  # of a notation that is not JSON
_MAX_DEPTH = 24
# A name, as in `item_weight: { unit: pounds, value: 2 }`.
_NAMED = re.compile(r"\s*([^\W\d][\w \-/]{0,60}?)\s*[:：=]\s*(?=[{\[])")
# What a list or mapping of JSON begins with; a text in brackets does not.
_BEGINS = re.compile(
    r"""\s*(?:\{\s*(?:\}|\\?["']|&(?:amp;)?(?:quot|\#0?34|\#x22|\#0?39|apos);|[A-Za-z_]\w*\s*:)|\[\s*(?:\]|[\[{]|\\?["']|&(?:amp;)?(?:quot|\#0?34);|-?\d+(?:\.\d+)?\s*,))"""
)
_KEY = re.compile(r"""[{,\[]\s*\\?["'][^"'\n]{1,80}\\?["']\s*:""")


class _Unclear(Exception):
    """Nested deeper than text can tell, or a name that comes twice: a mapping would lose the first."""


def mended_notation(text: str) -> tuple[str, str]:
    """A value that is, as a whole, JSON or like it, as text and "json"; "kept:json" where it is broken; else "" ."""
    named = _NAMED.match(text)
    body = text[named.end() :] if named else text
    if not _BEGINS.match(body):
        return text, ""
    try:
        value = _parsed(body.strip(), bool(named))
        if value is None:
            return text, "kept:json" if _KEY.search(body, 0, 2000) else ""
        words = as_words(value)
        words.encode()  # a notation can spell half a character
    except (_Unclear, UnicodeError):
        return text, "kept:json"
    return (f"{named[1]}: {words}" if named else words), "json"


def _parsed(body: str, is_named: bool) -> Any:
    """A mapping or list, None where `body` is none."""
    for form in _forms(body):
        if form[-1:] not in ("}", "]"):
            continue
        try:
            return _json(form)
        except (ValueError, RecursionError):
            pass
        if len(form) <= _MAX_CHARS:
            # Python quotes its names; the loose notation does not.
            value = _literal(form) if form[0] == "[" or form[1:].lstrip()[:1] in ("'", '"', "}") else None
            if value is None and form[0] == "{":
                value = parse_loose(form, is_named)
            if value is not None:
                return value
    return None


def _forms(body: str) -> list[str]:
    """The text as it is, without HTML's escapes, without those of a string of JSON."""
    forms = [body]
    if "&" in body[:12]:
        plain = html.unescape(body)
        forms.append(html.unescape(plain) if "&" in plain[:12] else plain)
    if '\\"' in body[:12]:
        with suppress(ValueError):
            forms.append(orjson.loads(f'"{body}"'))
    return forms


def _json(text: str) -> Any:
    """JSON, its numbers as they are written; raises ValueError where it is none."""
    orjson.loads(text)  # stricter, and no deep recursion
    value = json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_without_repeats)
    if not isinstance(value, dict | list):
        raise ValueError
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unclear
    return found


def _literal(text: str) -> Any:
    if text.count("{") + text.count("[") + text.count("(") > 2000:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
            for node in ast.walk(tree):
                if isinstance(node, ast.Dict):
                    _without_repeats([(ast.dump(key), None) for key in node.keys if key is not None])
            value = ast.literal_eval(tree)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, dict | list) else None


def as_words(value: Any, depth: int = 0) -> str:
    """A value as text: pairs joined by ";", deeper ones by ","; what has no value is left out.

    A measure is written as one ("2 pounds"), and a mapping that only wraps a value as that value.

    >>> as_words({"a": [1, 2], "weight": {"unit": "pounds", "value": 2}, "b": {"value": "x"}, "c": None, "d": {"e": True}})
    'a: 1, 2; weight: 2 pounds; b: x; d: e: true'
    """
    if depth > _MAX_DEPTH:
        raise _Unclear
    if isinstance(value, dict):
        return _mapping(value, depth)
    if isinstance(value, list | tuple | set):
        items = sorted(value, key=str) if isinstance(value, set) else value
        pairs = [pair for item in items if (pair := _pair(item))]
        if len(pairs) == len(items):
            return _joined([f"{_scalar(name)}: {words}" for name, item in pairs if (words := as_words(item, depth + 1))], depth)
        parts = [words for item in items if (words := as_words(item, depth + 1))]
        # Only what has names of its own needs the stronger sign.
        named = any(isinstance(item, dict | list) and ": " in words for item, words in zip(items, parts, strict=False))
        return _joined(parts, 0 if named and depth <= 1 else 1)
    return _scalar(value)


def _joined(parts: list[str], depth: int) -> str:
    return ("; " if depth == 0 else ", ").join(parts)


def _mapping(value: dict[Any, Any], depth: int) -> str:
    unit, amount = value.get("unit"), value.get("value")
    if set(value) == {"value"}:
        return as_words(amount, depth + 1)
    parts = []
    if isinstance(unit, str) and isinstance(amount, str | int | float) and not isinstance(amount, bool):
        measure = f"{_scalar(amount)} {unit}"
        rest = {name: item for name, item in value.items() if name not in ("unit", "value")}
        parts.append(measure)
        value = {name: item for name, item in rest.items() if as_words(item, depth + 1) != measure}
    for name, item in value.items():
        if words := as_words(item, depth + 1):
            parts.append(f"{_scalar(name)}: {words}")
    return _joined(parts, depth)


def _pair(item: Any) -> tuple[Any, Any] | None:
    """`{"name": ..., "value": ...}`, `["name", ...]` and the like as a pair."""
    if isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str) and not isinstance(item[1], dict | list):
        return item[0], item[1]
    if isinstance(item, dict) and len(item) == 2:
        for name in ("name", "key", "attr", "attribute", "k"):
            for held in ("value", "val", "v"):
                if name in item and held in item and isinstance(item[name], str):
                    return item[name], item[held]
    return None


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
