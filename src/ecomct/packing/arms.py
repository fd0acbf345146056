"""Arms: packed streams put into training order, as data sets that `datasets.load_from_disk` opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ecomct.atomic import atomic_path, write_json
from ecomct.mixing.budget import Budget
from ecomct.packing.assemble import sequence_schema
from ecomct.packing.blend import Stream, interleave, largest_prefix_error
from ecomct.recipe.model import Arm, Blend
from ecomct.seeded import order

I64 = npt.NDArray[np.int64]
# Sequences of one data file: 32 MiB at length 2,048.
FILE_SEQUENCES = 4096


@dataclass(frozen=True)
class Packed:
    """The sequences of one stream in seeded order: where each lies and how many tokens it has."""

    bucket: I64
    position: I64
    tokens: I64


def domain_stream(arm: Arm) -> str | None:
    """Which domain stream an arm reads."""
    return {"general": None, "domain-separate": "domain-separate", "separate": "domain-separate", "mixed": "domain-mixed"}[arm]


def open_packed(folder: Path, stream: str, buckets: int, seed: int) -> Packed:
    """Read the lengths of a stream's sequences and put them into seeded order."""
    lengths = [_open(folder, stream, bucket)["length"].to_numpy() for bucket in range(buckets)]
    bucket = np.repeat(np.arange(buckets), [len(one) for one in lengths])
    position = np.concatenate([np.arange(len(one)) for one in lengths])
    tokens = np.concatenate(lengths).astype(np.int64)
    shuffled = order((bucket.astype(np.uint64) << np.uint64(32)) | position.astype(np.uint64), seed, f"order {stream}")
    return Packed(bucket[shuffled], position[shuffled], tokens[shuffled])


def plan_arm(arm: Arm, packed: Mapping[str, Packed], budget: Budget, blend: Blend) -> list[tuple[str, int]]:
    """(stream, sequence) in training order.

    With a domain stream, all of it is used once and general text follows its tokens by the ratio;
    without, general text has the tokens that the blended arms give it.
    """
    stream = domain_stream(arm)
    groups: dict[str, list[Stream]] = {}
    wanted = dict(budget.general) if arm != "domain-separate" else {}
    if stream is not None:
        tokens = packed[stream].tokens
        groups["domain"] = [Stream(stream, tokens, int(tokens.sum()))]
        scale = int(tokens.sum()) * blend.general_per_domain / max(1, sum(wanted.values()))
        wanted = {language: round(amount * scale) for language, amount in wanted.items()}
    groups["general"] = [Stream(f"general-{name}", packed[f"general-{name}"].tokens, wanted[name]) for name in sorted(wanted)]
    return interleave(groups)


def write_file(
    folder: Path, arm: Arm, number: int, files: int, plan: list[tuple[str, int]], packed: Mapping[str, Packed], length: int
) -> None:
    """Write the `number`-th data file of an arm: its stretch of the plan, gathered from the packed streams."""
    stretch = plan[number * FILE_SEQUENCES : (number + 1) * FILE_SEQUENCES]
    places: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for target, (stream, sequence) in enumerate(stretch):
        bucket = int(packed[stream].bucket[sequence])
        places.setdefault((stream, bucket), []).append((int(packed[stream].position[sequence]), target))
    parts, targets = [], []
    for (stream, bucket), wanted in sorted(places.items()):
        parts.append(_open(folder, stream, bucket).take(pa.array([position for position, _ in wanted])))
        targets += [target for _, target in wanted]
    table = pa.concat_tables([sequence_schema(length).empty_table(), *parts]).combine_chunks()
    table = table.take(pa.array(np.argsort(np.array(targets, dtype=np.int64), kind="stable")))
    with (
        atomic_path(folder / arm / file_name(number, files)) as path,
        pa.OSFile(str(path), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as writer,
    ):
        writer.write_table(table, max_chunksize=64)


def write_dataset_files(folder: Path, arm: Arm, files: int, length: int, fingerprint: str) -> None:
    """Write the two small files by which `datasets` recognises a saved data set.

    `fingerprint` stands for the content: an unfinished training goes on only with equal sequences.
    """
    import datasets

    features = datasets.Features.from_arrow_schema(sequence_schema(length))
    write_json(folder / arm / "dataset_info.json", {"citation": "", "description": "", "features": features.to_dict()})
    names = [{"filename": file_name(number, files)} for number in range(files)]
    state: dict[str, Any] = {
        "_data_files": names,
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_json(folder / arm / "state.json", state)


def measure_arm(
    folder: Path, plan: list[tuple[str, int]], packed: Mapping[str, Packed], length: int, ratio: float, sources: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, int]]:
    """Measures of one arm (docs/artefacts.md) and its distinct rows by source. Reads ids, no token."""
    names = sorted({stream for stream, _ in plan})
    of = np.array([names.index(stream) for stream, _ in plan], dtype=np.int64)
    sequence = np.array([number for _, number in plan], dtype=np.int64)
    tokens = np.zeros(len(plan), dtype=np.int64)
    by_source, samples, streams, seen = np.zeros(len(sources), dtype=np.int64), 0, {}, []
    for index, name in enumerate(names):
        mine = sequence[of == index]
        tokens[of == index] = packed[name].tokens[mine]
        rows, spans, segments = _contents(folder, name, packed[name], mine)
        by_source += np.bincount(row_source(rows), weights=spans, minlength=len(sources)).astype(np.int64)
        samples += segments
        seen.append(np.unique(rows))
        streams[name] = {
            "sequences": len(mine),
            "tokens": int(tokens[of == index].sum()),
            "repeats": round(len(mine) / len(packed[name].tokens), 4),
        }
    distinct = row_source(np.unique(np.concatenate(seen))) if seen else np.zeros(0, dtype=np.int64)
    total = int(tokens.sum())
    measures: dict[str, Any] = {
        "sequences": len(plan),
        "samples": samples,
        "tokens": total,
        "padding": len(plan) * length - total,
        "fill": round(total / max(1, len(plan) * length), 6),
        "truncated_tokens": 0,
        "streams": streams,
        "sources": {name: int(count) for name, count in zip(sources, by_source, strict=True) if count},
    }
    general = sum(stream["tokens"] for name, stream in streams.items() if name.startswith("general-"))
    if 0 < general < total:
        group = {name: "general" if name.startswith("general-") else "domain" for name in names}
        error = largest_prefix_error([stream for stream, _ in plan], tokens, group, ratio, "general")
        measures["ratio"] = {
            "general_per_domain": {
                "wanted": ratio,
                "got": round(general / (total - general), 4),
                "largest_prefix_error_sequences": round(error, 4),
            }
        }
    return measures, {name: int((distinct == index).sum()) for index, name in enumerate(sources)}


def row_source(rows: npt.NDArray[np.uint64]) -> I64:
    """Source index of row numbers."""
    return (rows >> np.uint64(52)).astype(np.int64)


def _contents(folder: Path, stream: str, packed: Packed, sequences: I64) -> tuple[npt.NDArray[np.uint64], I64, int]:
    """Rows and lengths of all spans of the chosen sequences, and the number of their samples."""
    rows, spans, samples = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)], 0
    for bucket in np.unique(packed.bucket[sequences]).tolist():
        table = _open(folder, stream, bucket).select(["segments", "rows", "row_ends"])
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


def file_name(number: int, files: int) -> str:
    """Name of an arm's `number`-th data file."""
    return f"data-{number:05d}-of-{files:05d}.arrow"


def packed_file(stream: str, bucket: int) -> str:
    """Path of a packed file under the stage's folder."""
    return f"packed/{stream}/bucket-{bucket:05d}.arrow"


def places_of(plan: Sequence[tuple[str, int]], packed: Mapping[str, Packed]) -> list[tuple[str, int, int]]:
    """Of each sequence of a plan: stream, bucket and position in that packed file."""
    return [(stream, int(packed[stream].bucket[number]), int(packed[stream].position[number])) for stream, number in plan]


def _open(folder: Path, stream: str, bucket: int) -> pa.Table:
    """A packed file, memory-mapped."""
    with pa.memory_map(str(folder / packed_file(stream, bucket))) as source:
        return pa.ipc.open_file(source).read_all()
