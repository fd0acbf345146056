"""Explained samples and traced rows as lines of text and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ecomct.lineage.draw import tree
from ecomct.lineage.explain import Explained, Part
from ecomct.lineage.forget import Affected, Rebuilt
from ecomct.lineage.locate import Place
from ecomct.lineage.trace import Trace

SHOWN = 120  # characters of a row's text on one line
_SAID = {
    "clustered": "read together with",
    "held_out": "kept apart for evaluation",
    "held_out_repeat": "held out, but training has the same text: used for neither",
    "over_budget": "not used: beyond the token budget",
    "no_key": "a sample of its own: it names no product",
    "too_few_rows": "a sample of its own: its product has too few rows",
    "too_long_together": "a sample of its own: it would not fit a sequence with another row",
    "general": "general text, a sample of its own",
    "contaminated": "a row that repeats it holds an item of a benchmark",
    "forgotten": "taken out by the forget list; its content is not kept",
}


def shown(text: str, most: int = SHOWN) -> str:
    """A text on one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def sample_lines(one: Explained) -> list[str]:
    """An explained sample for the terminal."""
    why = one.why
    head = f"{one.arm} {one.sequence}:{one.segment}, tokens [{one.start}, {one.end}), {len(one.parts)} rows"
    lines = [head + (f", sample {why.number} of the plan" if why.number else "")]
    for number, part in enumerate(one.parts, 1):
        lines += ["", *_part_lines(number, part)]
    lines += ["", f"order: {' '.join(map(str, one.permutation))} (ranks by row number, permuted by seed)", *_why_lines(one)]
    return [*lines, "", *tree(one)]


def _part_lines(number: int, part: Part) -> list[str]:
    document = part.document
    piece = f", piece {part.piece}" if part.piece or len(part.window.numbers) < len(part.tokens.ids) else ""
    lines = [
        f"{number:>3}  {document.source}  {document.file}:{document.line}  tokens [{part.start}, {part.end}){piece}",
        f"     row {document.row}  {', '.join(document.keys) or 'no key'}",
        f"     {shown(document.text)}",
    ]
    for field in part.fields:
        lines.append(f"       {field.name:<16} [{field.start}, {field.end})  {shown(field.text, SHOWN - 40)}")
    return lines


def _why_lines(one: Explained) -> list[str]:
    why = one.why
    if why.reason != "clustered":
        return [f"why: {_SAID.get(why.reason, 'domain rows of this arm are samples of their own')}"]
    has = ", ".join(f"{count} {source}" for source, count in why.available.items())
    return [
        f"why: rows of {', '.join(why.products)}, which has {has}; strategy {why.strategy}",
        f"     {why.clusters} clusters of them cover {why.covered} sources of {why.bound} that this many clusters can;"
        f" this one {why.sources} of {why.sources_bound}",
    ]


def sample_json(one: Explained) -> dict[str, Any]:
    """An explained sample as JSON."""
    parts = [
        {
            "row": part.document.row,
            "source": part.document.source,
            "file": part.document.file,
            "line": part.document.line,
            "keys": part.document.keys,
            "piece": part.piece,
            "tokens": [part.start, part.end],
            "fields": [{"field": field.name, "tokens": [field.start, field.end]} for field in part.fields],
            "text": part.document.text,
        }
        for part in one.parts
    ]
    span = {"sequence": one.sequence, "segment": one.segment, "tokens": [one.start, one.end]}
    return {"arm": one.arm, **span, "rows": parts, "permutation": one.permutation, "why": asdict(one.why)}


def trace_lines(trace: Trace) -> list[str]:
    """A traced row for the terminal."""
    lines = [
        f"row {trace.row}  {trace.source}  {trace.file}:{trace.line}  {', '.join(trace.keys) or 'no key'}",
        *([f"  {shown(trace.text)}"] if trace.text else []),
    ]
    if trace.duplicate_of is not None:
        said = f"a repeat of row {trace.duplicate_of}, which is used"
    elif trace.outcome == "contaminated" and trace.detail:
        said = f"holds an item of a benchmark: {shown(trace.detail, 2 * SHOWN)}"
    elif trace.outcome == "clustered":
        samples = f"sample {', '.join(map(str, trace.samples))}"
        said = f"read together with {', '.join(map(str, trace.together_with)) or 'its own other pieces'} ({samples})"
    else:
        said = _SAID.get(trace.outcome, trace.detail)
    lines.append(f"  {trace.stage}: {trace.outcome}" + (f", {said}" if said else ""))
    if trace.anchors:
        lines.append(f"  its title is repeated in {trace.anchors} other clusters")
    for arm, places in trace.places.items():
        lines.append(f"  {arm}: {_places(places)}")
    return lines


def _places(places: list[Place]) -> str:
    listed = "; ".join(
        f"{one.sequence}:{one.segment} tokens [{one.start}, {one.end})" + (f", piece {one.piece}" if one.piece else "")
        for one in places
    )
    return listed or "not in it"


def trace_json(trace: Trace) -> dict[str, Any]:
    """A traced row as JSON."""
    return asdict(trace)


def affected_table(found: Affected) -> list[list[str]]:
    """What would go: rows by source, sequences by arm, models that saw them."""
    rows = [["what holds them", "rows", "samples", "sequences"]]
    rows += [[source, f"{len(numbers):,}", "", ""] for source, numbers in found.rows.items()]
    for arm, numbers in found.sequences.items():
        rows.append([f"arm {arm}", "", f"{found.samples[arm]:,}", f"{len(numbers):,}"])
    return rows + [[note] for note in _notes(found)]


def forgotten_tables(found: Affected | None, arms: dict[str, Rebuilt]) -> list[list[list[str]]]:
    """What was forgotten and rebuilt."""
    if found is None:
        return [[["an interrupted forget was finished; every file is as a run from scratch writes it"]]]
    table = [["arm", "sequences that held them", "rebuilt", "kept byte for byte", "now"]]
    for arm, one in arms.items():
        numbers = (len(found.sequences[arm]), one.rebuilt, one.kept, one.sequences)
        table.append([arm, *(f"{number:,}" for number in numbers)])
    rows = [["source", "rows forgotten"], *([source, f"{len(numbers):,}"] for source, numbers in found.rows.items())]
    return [rows, table + [[note] for note in _notes(found)]]


def _notes(found: Affected) -> list[str]:
    notes = [f"warning: no row has {', '.join(found.unknown)}; the list keeps it for rows to come"] if found.unknown else []
    if found.trained:
        arms = ", ".join(f"training/{arm}" for arm in found.trained)
        notes.append(f"{arms}: these models were trained on arms that held the rows and still know them.")
        notes.append("`ecomct run` trains them again without; until then do not use them as if they were clean.")
    return notes
