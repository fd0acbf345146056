"""The file of boilerplate: what the survey writes of a source and ingest reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ecomct.documents.lines import Frequent
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Kind

# Kinds whose sentences count too. In prose an equal sentence is a fact that several pages share ("listed in 2012").
OF_SENTENCES: frozenset[Kind] = frozenset({"qa", "description"})


class Found(NamedTuple):
    """A frequent line or sentence in its plain form, in how many rows of the sample it was, and their share.

    `kept_in` are the rows that keep it, as "file index:line": the first of the sample in the order of the files.
    """

    field: str
    text: str
    rows: int
    share: float
    kept_in: list[str]


def boilerplate_texts(path: Path) -> dict[str, list[tuple[str, str, list[str]]]]:
    """Frequent lines by source as (slot, text, rows that keep it), sorted: all that ingest's bytes depend on."""
    by_source: dict[str, list[dict[str, Any]]] = orjson.loads(path.read_bytes())
    return {name: sorted((one["field"], one["text"], one["kept_in"]) for one in found) for name, found in by_source.items()}


def read_boilerplate(path: Path, recipe: Recipe) -> dict[str, dict[str, Frequent]]:
    """Frequent lines by source and slot, as `without_lines` takes them; sources and slots without any are left out."""
    found: dict[str, dict[str, Frequent]] = {}
    for name, every in boilerplate_texts(path).items():
        kind = recipe.sources[name].kind
        for slot in dict.fromkeys(slot for slot, _, _ in every):
            texts = [text for one, text, _ in every if one == slot]
            kept_in = [row for one, _, rows in every if one == slot for row in rows]
            frequent = Frequent.of(texts, kind in OF_SENTENCES, kept_in, of_answers=kind == "qa")
            found.setdefault(name, {})[slot] = frequent
    return found
