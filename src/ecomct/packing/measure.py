"""What the sequences of a stream and of an arm hold, and how full they are against the least that could hold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecomct.packing.arms import Packed, Plan, column, open_stream
from ecomct.packing.blend import largest_prefix_error
from ecomct.packing.sequence import row_source
from ecomct.recipe.model import Blend
from ecomct.seeded import U64

I64 = npt.NDArray[np.int64]


def measure_stream(buckets: Iterable[Mapping[str, int]], length: int) -> dict[str, Any]:
    """A stream's measures from the facts of its buckets: fill, padding, and sequences against their lower bound."""
    total = dict.fromkeys(("sequences", "samples", "tokens", "bound"), 0)
    for facts in buckets:
        total = {name: total[name] + facts[name] for name in total}
    space = total["sequences"] * length
    return total | {
        "padding": space - total["tokens"],
        "fill": round(total["tokens"] / max(1, space), 6),
        "ratio": round(total["sequences"] / max(1, total["bound"]), 6),
    }


def measure_arm(
    folder: Path, plan: Plan, packed: Mapping[str, Packed], length: int, blend: Blend, sources: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Measures of one arm (docs/artefacts.md) and its distinct rows by source. Reads ids, no token."""
    tokens = column(plan, packed, "tokens")
    by_source, samples, streams, seen = np.zeros(len(sources), dtype=np.int64), 0, {}, []
    for index, name in enumerate(plan.names):
        mine = plan.sequence[plan.stream == index]
        if not len(mine):
            continue
        rows, spans, segments = _contents(folder, name, packed[name], mine)
        by_source += np.bincount(row_source(rows), weights=spans, minlength=len(sources)).astype(np.int64)
        samples += segments
        seen.append(np.unique(rows))
        streams[name] = fill(tokens[plan.stream == index], length) | {"repeats": round(len(mine) / len(packed[name].tokens), 4)}
    distinct = row_source(np.unique(np.concatenate(seen))) if seen else np.zeros(0, dtype=np.int64)
    measures: dict[str, Any] = fill(tokens, length) | {
        "samples": samples,
        "truncated_tokens": 0,
        "streams": streams,
        "sources": {name: int(count) for name, count in zip(sources, by_source, strict=True) if count},
    }
    names = np.array(plan.names)[plan.stream]
    general = np.char.startswith(names, "general-")
    ratios = {"general_per_domain": _ratio(general, tokens, blend.general_per_domain)}
    if {"general-zh", "general-en"} <= set(names):
        wanted = blend.languages["zh"] / blend.languages["en"]
        ratios["general_zh_per_en"] = _ratio(names[general] == "general-zh", tokens[general], wanted)
    measures["ratio"] = {name: ratio for name, ratio in ratios.items() if ratio}
    return measures, {name: int((distinct == index).sum()) for index, name in enumerate(sources)}


def _ratio(first: npt.NDArray[np.bool_], tokens: I64, wanted: float) -> dict[str, float]:
    """Tokens of the sequences of `first` for each of the others, and how far prefixes are off; nothing where one is missing."""
    total, mine = int(tokens.sum()), int(tokens[first].sum())
    if not 0 < mine < total:
        return {}
    error = largest_prefix_error(first, tokens, wanted)
    return {"wanted": wanted, "got": round(mine / (total - mine), 4), "largest_prefix_error_sequences": round(error, 4)}


def fill(tokens: I64, length: int) -> dict[str, Any]:
    """How full sequences with these numbers of tokens are, and the fewest that could hold them."""
    total, count = int(tokens.sum()), len(tokens)
    return {
        "sequences": count,
        "tokens": total,
        "padding": count * length - total,
        "fill": round(total / max(1, count * length), 6),
        "fewest_sequences": -(-total // length),
    }


def _contents(folder: Path, stream: str, packed: Packed, sequences: I64) -> tuple[U64, I64, int]:
    """Rows and lengths of all spans of the chosen sequences, and the number of their samples."""
    rows, spans, samples = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)], 0
    for bucket in np.unique(packed.bucket[sequences]).tolist():
        table = open_stream(folder, stream, bucket).select(["segments", "rows", "row_ends"])
        chosen = sequences[packed.bucket[sequences] == bucket]
        table = table.take(pa.array(packed.position[chosen])).combine_chunks()
        ends = table["row_ends"].combine_chunks()
        flat = ends.flatten().to_numpy().astype(np.int64)
        span = np.diff(flat, prepend=0)
        # The first span of a sequence starts at 0, not at the end of the sequence before.
        begins = ends.offsets.to_numpy()[:-1] - ends.offsets.to_numpy()[0]
        span[begins] = flat[begins]
        rows.append(table["rows"].combine_chunks().flatten().to_numpy())
        spans.append(span)
        samples += len(table["segments"].combine_chunks().flatten())
    return np.concatenate(rows), np.concatenate(spans), samples
