"""Keys of products: their one written form, which sources have them, and the list of those to forget."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomct.recipe.model import Recipe

# The ledger's reason for a row that the forget list takes out.
FORGOTTEN = "forgotten"
_WHOLE = re.compile(r"\A(-?[0-9]+)\.0+\Z")


def canonical_key(value: Any) -> str | None:
    """A key as text, equal for 7, 7.0, "7.0" and " 7 "; None where there is no key."""
    if value is None or isinstance(value, bool | dict | list) or value != value:
        return None
    if isinstance(value, float | Decimal) and isfinite(value) and value == int(value):
        value = int(value)
    # pandas writes 7.0 for 7 where a column of whole numbers has a gap.
    return _WHOLE.sub(r"\1", str(value).strip()) or None


def referred_to(recipe: Recipe) -> list[str]:
    """Sources whose keys other sources name, in recipe order: only these have products."""
    names = {reference.to for source in recipe.sources.values() for reference in source.references}
    return [name for name in recipe.sources if name in names]


def written_keys(recipe: Recipe, line: str) -> list[str]:
    """Keys that a line of a forget list means, as artefacts write them: `source/key`, or a bare key of any such source."""
    targets = referred_to(recipe)
    source, slash, rest = line.partition("/")
    named = [source] if slash and source in targets else targets
    key = canonical_key(rest if slash and source in targets else line)
    return [f"{name}/{key}" for name in named] if key is not None else []


def forgotten_keys(recipe: Recipe) -> list[str]:
    """All keys of the recipe's forget list as artefacts write them, sorted."""
    return sorted({key for line in recipe.forget for key in written_keys(recipe, line)})


def keys_among(files: Iterable[Path], keys: Collection[str]) -> list[str]:
    """Which of `keys` a row in these files of documents or rejects has, sorted. Reads the column `keys` alone."""
    if not keys:
        return []
    wanted, found = pa.array(sorted(keys)), set()
    for file in files:
        for chunk in pq.read_table(file, columns=["keys"])["keys"].chunks:
            values = chunk.flatten()
            found.update(values.filter(pc.is_in(values, value_set=wanted)).unique().to_pylist())
    return sorted(found)
