"""Counts and samples of rows that were taken out, for a terminal, a pipe and other programs.

The text is data that anyone may have written: what a terminal would obey is shown as an escape, and nothing is markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ecomct.rejects.draw import Taken
from ecomct.rejects.read import Removed

SHOWN = 400  # characters of a text
# Signs that JSON leaves as they are and a terminal does not: C1 controls, and those that reorder what is shown.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str, most: int = SHOWN) -> str:
    r"""A text on one line, cut, with an escape for each character that is not printable.

    >>> plain("a\x1b[31mb\n\tc")
    'a\\x1b[31mb c'
    """
    line = " ".join(text[: 4 * most].split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    return line if line.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def counts_table(taken: Taken, rows_in: dict[str, int]) -> list[list[str]]:
    """How many rows of each source each rule took out, and what share of its rows these are."""
    table = [["source", "rule", "rows", "of its rows"]]
    for (source, rule), number in taken.counts.items():
        share = f"{100 * number / rows_in[source]:.2f} %" if rows_in.get(source) else ""
        table.append([plain(source), plain(rule), f"{number:,}", share])
    return table


def sample_lines(rows: Iterable[Removed]) -> list[str]:
    """The drawn rows, one after the other."""
    lines: list[str] = []
    for number, one in enumerate(rows, 1):
        lines += ["", f"{number:>3}  {plain(one.source)}  {plain(one.rule)}  {plain(one.file)}:{one.line}{_measured(one)}"]
        lines += [f"     {plain(one.detail)}"] if one.detail else []
        lines.append(f"     {plain(one.text) or '(nothing is kept of it)'}")
        if one.repeats:
            lines += [f"     = {plain(one.repeats)}", f"     {plain(one.repeated_text)}"]
    return lines[1:]


def _measured(one: Removed) -> str:
    if one.value is None:
        return ""
    return f"  {one.value:g}" + (f", threshold {one.threshold:g}" if one.threshold is not None else "")


def as_json(taken: Taken, rows_in: dict[str, int], rows: Iterable[Removed]) -> str:
    """Both as JSON, whole texts, safe to print."""
    counts: list[dict[str, Any]] = [
        {"source": source, "rule": rule, "rows": number, "rows_in": rows_in.get(source)}
        for (source, rule), number in taken.counts.items()
    ]
    text = json.dumps({"counts": counts, "sample": [asdict(one) for one in rows]}, ensure_ascii=False, indent=1)
    return _OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
