"""Arms: packed streams put into training order, as data sets that `datasets.load_from_disk` opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from ecomct.atomic import atomic_path, write_json
from ecomct.mixing.budget import Budget
from ecomct.packing.blend import Stream, interleave
from ecomct.packing.sequence import sequence_schema
from ecomct.recipe.model import Arm, Blend
from ecomct.seeded import U64, order

I64 = npt.NDArray[np.int64]
# Sequences of one data file: 32 MiB at length 2,048.
FILE_SEQUENCES = 4096
# Where the sequences of an arm lie in the packed streams, in training order.
ORDER = pa.schema(
    [
        ("stream", pa.dictionary(pa.int8(), pa.string())),
        ("bucket", pa.int32()),
        ("position", pa.int32()),
        ("identity", pa.uint64()),
    ]
)


@dataclass(frozen=True)
class Packed:
    """The sequences of one stream in seeded order: where each lies, how many tokens it has, and its identity."""

    bucket: I64
    position: I64
    tokens: I64
    identity: U64


@dataclass(frozen=True)
class Plan:
    """Sequences in training order: `names[stream[i]]` is the i-th one's stream, `sequence[i]` its number in it."""

    names: tuple[str, ...]
    stream: I64
    sequence: I64

    def __len__(self) -> int:
        return len(self.stream)

    def file(self, number: int) -> Plan:
        """The stretch that the `number`-th data file holds."""
        stretch = slice(number * FILE_SEQUENCES, (number + 1) * FILE_SEQUENCES)
        return Plan(self.names, self.stream[stretch], self.sequence[stretch])


def domain_streams(arm: Arm, epochs: int = 1) -> list[str]:
    """The domain streams an arm reads, in turn: one for each pass over the domain, mixed anew in the mixed arm."""
    if arm == "general":
        return []
    if arm == "mixed":
        return ["domain-mixed", *(f"domain-mixed-{epoch}" for epoch in range(2, epochs + 1))]
    return ["domain-separate"] * epochs


def open_packed(folder: Path, stream: str, buckets: int, seed: int) -> Packed:
    """Read the lengths and identities of a stream's sequences and put them into seeded order.

    The order comes from identities: without some sequences, the others keep theirs.
    """
    tables = [open_stream(folder, stream, bucket) for bucket in range(buckets)]
    bucket = np.repeat(np.arange(buckets), [table.num_rows for table in tables])
    position = np.concatenate([np.arange(table.num_rows) for table in tables])
    tokens = np.concatenate([table["length"].to_numpy() for table in tables]).astype(np.int64)
    identity = np.concatenate([table["identity"].to_numpy() for table in tables])
    shuffled = order(identity, seed, f"order {stream}")
    return Packed(bucket[shuffled], position[shuffled], tokens[shuffled], identity[shuffled])


def plan_arm(arm: Arm, packed: Mapping[str, Packed], budget: Budget, blend: Blend, seed: int, epochs: int = 1) -> Plan:
    """The training order of an arm.

    With a domain stream, all of it is used `epochs` times and general text follows its tokens by the ratio, as far as
    `blend.max_repeats` allows; without, general text has the tokens that the budget gives it. The mixed arm reads its
    streams in turn, the others theirs in a new seeded order each time.
    """
    passes = domain_streams(arm, epochs)
    groups: dict[str, list[Stream]] = {}
    wanted = dict(budget.general) if arm != "domain-separate" else {}
    turns = [_turn(packed[name].identity, seed, name, passes[:number].count(name)) for number, name in enumerate(passes)]
    if passes:
        tokens = np.concatenate([packed[name].tokens[turn] for name, turn in zip(passes, turns, strict=True)])
        groups["domain"] = [Stream("domain", tokens, int(tokens.sum()))]
        # Repeated titles make the domain longer than the budget; no general text is repeated beyond its cap for that.
        most = [blend.max_repeats * packed[f"general-{name}"].tokens.sum() / amount for name, amount in wanted.items() if amount]
        scale = min([int(tokens.sum()) * blend.general_per_domain / max(1, sum(wanted.values())), *most])
        wanted = {language: round(amount * scale) for language, amount in wanted.items()}
    groups["general"] = [Stream(f"general-{name}", packed[f"general-{name}"].tokens, wanted[name]) for name in sorted(wanted)]
    names = (*dict.fromkeys(passes), *(stream.name for stream in groups["general"]))
    ordered = interleave(groups)
    is_domain = np.array([name == "domain" for name, _ in ordered], dtype=bool)
    stream = np.array([0 if name == "domain" else names.index(name) for name, _ in ordered], dtype=np.int64)
    sequence = np.array([number for _, number in ordered], dtype=np.int64)
    if passes:
        of = np.repeat([names.index(name) for name in passes], [len(turn) for turn in turns])
        stream[is_domain], sequence[is_domain] = of[sequence[is_domain]], np.concatenate(turns)[sequence[is_domain]]
    return Plan(names, stream, sequence)


def _turn(identity: U64, seed: int, stream: str, before: int) -> I64:
    """The order in which a stream is read after it was read `before` times."""
    return order(identity, seed, f"order {stream} {before + 1}") if before else np.arange(len(identity))


def write_order(folder: Path, arm: Arm, plan: Plan, packed: Mapping[str, Packed]) -> None:
    """Write `order/ARM.parquet`: where each sequence of the arm comes from, in training order."""
    columns: dict[str, Any] = {"stream": pa.DictionaryArray.from_arrays(pa.array(plan.stream, pa.int8()), pa.array(plan.names))}
    for field in ORDER:
        if field.name != "stream":
            columns[field.name] = pa.array(column(plan, packed, field.name), field.type)
    with atomic_path(folder / "order" / f"{arm}.parquet") as path:
        pq.write_table(pa.table(columns, schema=ORDER), path, compression="zstd")


def column(plan: Plan, packed: Mapping[str, Packed], field: str) -> npt.NDArray[Any]:
    """One field of `Packed` for every sequence of the plan."""
    values = np.zeros(len(plan), dtype=np.uint64 if field == "identity" else np.int64)
    for index, name in enumerate(plan.names):
        mine = plan.stream == index
        values[mine] = getattr(packed[name], field)[plan.sequence[mine]]
    return values


def write_file(folder: Path, arm: Arm, number: int, files: int, plan: Plan, packed: Mapping[str, Packed], length: int) -> None:
    """Write the `number`-th data file of an arm: its stretch of the plan, gathered from the packed streams."""
    part = plan.file(number)
    bucket, position = column(part, packed, "bucket"), column(part, packed, "position")
    # Gather packed file by packed file, then put the sequences where they belong.
    gathered = np.lexsort((position, bucket, part.stream))
    schema = sequence_schema(length)
    tables = [schema.empty_table()]
    changes = np.flatnonzero(np.diff(part.stream[gathered]) | np.diff(bucket[gathered])) + 1
    for wanted in np.split(gathered, changes):
        one = open_stream(folder, plan.names[part.stream[wanted[0]]], int(bucket[wanted[0]]))
        tables.append(one.select(schema.names).take(pa.array(position[wanted])))
    table = pa.concat_tables(tables).combine_chunks().take(pa.array(np.argsort(gathered, kind="stable")))
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


def file_name(number: int, files: int) -> str:
    """Name of an arm's `number`-th data file."""
    return f"data-{number:05d}-of-{files:05d}.arrow"


def packed_file(stream: str, bucket: int) -> str:
    """Path of a packed file under the stage's folder."""
    return f"packed/{stream}/bucket-{bucket:05d}.arrow"


def places_of(plan: Plan, packed: Mapping[str, Packed], number: int) -> tuple[set[str], str]:
    """Packed files that the `number`-th data file is gathered from, and a digest of where each sequence lies in them."""
    part = plan.file(number)
    bucket = column(part, packed, "bucket")
    of = {packed_file(part.names[stream], one) for stream, one in zip(part.stream.tolist(), bucket.tolist(), strict=True)}
    digest = xxhash.xxh3_128(json.dumps(part.names).encode())
    for values in (part.stream, bucket, column(part, packed, "position")):
        digest.update(values.astype(np.int64).tobytes())
    return of, digest.hexdigest()


def open_stream(folder: Path, stream: str, bucket: int) -> pa.Table:
    """The sequences of one bucket of a stream, memory-mapped."""
    with pa.memory_map(str(folder / packed_file(stream, bucket))) as source:
        return pa.ipc.open_file(source).read_all()
