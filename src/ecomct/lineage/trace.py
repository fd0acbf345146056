"""Where a row went: rejected, repeated, held out, left over or clustered, and its tokens in every arm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ecomct.lineage.locate import Document, Located, Place, Reject
from ecomct.packing.sequence import SOURCE_SHIFT

# Outcomes besides the leftover reasons of the plan; a rejected row's is its reason.
GENERAL = "general"
OVER_BUDGET = "over_budget"


@dataclass(frozen=True)
class Trace:
    """One row's way. `outcome` is one word of the ledger: a reason, a fate, `clustered` or `general`.

    A long row is several pieces: its outcome is that of the first, `samples` are those of all, in order, and
    `together_with` the other rows in them.
    `places` by arm; an arm that does not read the row's source is left out, one that has no room for it has [].
    """

    row: int
    source: str
    file: str
    line: int
    keys: list[str]
    stage: str
    outcome: str
    detail: str = ""
    text: str = ""
    duplicate_of: int | None = None
    together_with: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    anchors: int = 0
    places: dict[str, list[Place]] = field(default_factory=dict)


def trace_rows(located: Located, rows: Collection[int]) -> list[Trace]:
    """The way of each given row, sorted by row; every row of the run has exactly one outcome."""
    documents = located.documents(rows)
    places = {arm: located.places(arm, rows) for arm in located.arms}
    found = [_of_reject(reject) for reject in located.rejects(set(rows))]
    found += [_of_document(located, document, places) for document in documents.values()]
    return sorted(found, key=lambda trace: trace.row)


def _of_reject(reject: Reject) -> Trace:
    place = (reject.row, reject.source, reject.file, reject.line, reject.keys)
    return Trace(*place, "ingest", reject.reason, reject.detail, reject.raw)


def _of_document(located: Located, document: Document, places: dict[str, list[Place]]) -> Trace:
    base: dict[str, Any] = {
        "row": document.row,
        "source": document.source,
        "file": document.file,
        "line": document.line,
        "keys": document.keys,
        "text": document.text,
    }
    if document.fate == "contaminated":
        found = [f"{hit['task']} {hit['item']} by {hit['how']}: {hit['matched']}" for hit in located.hits(document.row)]
        return Trace(**base, stage="link", outcome=document.fate, detail="; ".join(found))
    if document.fate != "train":
        return Trace(**base, stage="link", outcome=document.fate, duplicate_of=document.duplicate_of)
    domain = located.run.domain[document.row >> SOURCE_SHIFT]
    mine = {
        arm: [place for place in found if place.row == document.row]
        for arm, found in places.items()
        if arm != ("general" if domain else "domain-separate")
    }
    if not domain:
        outcome = GENERAL if any(mine.values()) else OVER_BUDGET
        return Trace(**base, stage="pack", outcome=outcome, places=mine)
    lines = located.plan(document.home)
    own = [line for line in lines if line["row"] == document.row and not line["anchor"]]
    if not own:
        return Trace(**base, stage="mix", outcome=OVER_BUDGET, places=mine)
    own.sort(key=lambda line: (line["epoch"], line["piece"]))
    samples = list(dict.fromkeys((line["epoch"], line["sample"]) for line in own))
    together = [line["row"] for line in lines if (line["epoch"], line["sample"]) in samples]
    anchors = sum(line["row"] == document.row and line["anchor"] for line in lines)
    return Trace(
        **base,
        stage="mix",
        outcome=own[0]["reason"],
        together_with=[row for row in dict.fromkeys(together) if row != document.row],
        samples=[sample for _, sample in samples],
        anchors=anchors,
        places=mine,
    )
