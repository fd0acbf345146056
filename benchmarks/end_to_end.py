"""Tables to packed sequences, against the tokenizer alone and against other toolkits, on the same rows.

    python benchmarks/end_to_end.py [RECIPE] [--workers 2] [--limit 2000] [--json FILE]

The recipe is the bilingual one where ECOMCT_SHARED is set, else the shipped shop. ecomct joins, cleans, links, mixes,
blends and packs the raw tables; the toolkits (`make bench-toolkits`) are given each row's text already joined, one JSON
line a row, and have no notion of its key. Seconds are those of the work; processor seconds are of the whole command, its
start-up and all its processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import datasets
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from _figures import Cost, Watch, cores, machine, markdown, run_toolkit

from ecomct.documents.linearise import lookup
from ecomct.recipe import Recipe, load_recipe
from ecomct.run_folder import RunFolder
from ecomct.sources.files import row_number, source_units
from ecomct.sources.readers import read_rows
from ecomct.tokens.tokenizer import load_tokenizer

REPOSITORY = Path(__file__).parent.parent
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


class Read(NamedTuple):
    """Documents as they stand in sequences: line i says that tokens of row[i] are in scope[i], where they see each other."""

    row: U64
    scope: I64
    cut: int  # documents that fit in a sequence and are in more than one, or not whole in any
    sequences: int
    tokens: int
    lost: int  # tokens of documents that are in no sequence though the documents were kept
    borders: str


def write_rows(recipe: Recipe, folder: Path, files: int) -> int:
    """Each row's fields joined by line ends, as JSON lines in recipe order, in files of equal size; the number of rows."""
    lines: list[bytes] = []
    for name, source in recipe.sources.items():
        columns = [column for value in source.fields.values() for column in ([value] if isinstance(value, str) else value)]
        encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
        for unit in source_units(recipe, name):
            for row in read_rows(unit, encodings, source.limit):
                if row.data is not None:
                    values = [one for column in columns if (one := lookup(row.data, column))]
                    text = "\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in values)
                    identity = str(row_number(unit.source_index, unit.file_index, row.line))
                    lines.append(orjson.dumps({"id": identity, "source": name, "text": text}) + b"\n")
    ends = np.cumsum([len(line) for line in lines])
    part = (ends - 1) * files // ends[-1]
    for number in range(files):
        chosen = np.flatnonzero(part == number)
        (folder / f"rows-{number:05d}.jsonl").write_bytes(b"".join(lines[chosen[0] : chosen[-1] + 1] if len(chosen) else []))
    return len(lines)


@contextmanager
def limited(recipe: Path, limit: int | None) -> Iterator[Path]:
    """The recipe with at most `limit` lines of each file, beside the original for its relative paths."""
    if limit is None:
        yield recipe
        return
    document = yaml.safe_load(recipe.read_text())
    for source in document["sources"].values():
        source["limit"] = min(limit, source.get("limit", limit))
    path = recipe.with_name(f".bench-{os.getpid()}.yaml")
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    try:
        yield path
    finally:
        path.unlink()


def run_ecomct(recipe: Path, runs: Path, workers: int) -> tuple[float, dict[str, float]]:
    """Processor seconds of the whole command, and the seconds of the stages that ran."""
    command = [sys.executable, "-m", "ecomct", "run", str(recipe), "--until", "pack", "--runs", str(runs)]
    watch = Watch()
    subprocess.run([*command, "--workers", str(workers)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    processor = watch.cost().processor
    lines = map(json.loads, (runs / load_recipe(recipe).name / "timings.jsonl").read_text().splitlines())
    return processor, {line["stage"]: line["seconds"] for line in lines}


def training_texts(run: RunFolder) -> list[str]:
    """Texts of the documents that the tokenize stage encodes."""
    texts: list[str] = []
    for shard in run.shards:
        fate = pq.read_table(run.links / "shards" / f"{shard}.parquet", columns=["fate"])["fate"].to_pylist()
        text = pq.read_table(run.documents / "shards" / f"{shard}.parquet", columns=["text"])["text"].to_pylist()
        texts += [one for one, why in zip(text, fate, strict=True) if why == "train"]
    return texts


def tokenizer_alone(encode: Callable[..., Any], texts: list[str]) -> tuple[Cost, int]:
    """Cost and tokens of encoding all texts in batches, ids kept as arrays."""
    watch, count, kept = Watch(), 0, []
    for start in range(0, len(texts), 1000):
        for encoding in encode(texts[start : start + 1000], add_special_tokens=False):
            kept.append(np.array(encoding.ids, dtype=np.int32))
            count += len(kept[-1])
    return watch.cost(), count


def read_ours(run: RunFolder) -> Read:
    """The mixed arm: documents see those of their own segment."""
    table = datasets.load_from_disk(str(run.sequences / "mixed")).data.table
    rows, ends, segments = (table[name].combine_chunks() for name in ("rows", "row_ends", "segments"))
    sequence = np.repeat(np.arange(len(rows)), np.diff(_offsets(rows)))
    length = run.recipe.sequences.length
    # Segment ends and row ends are positions in their sequence; laid end to end they can be searched at once.
    segment_of = np.repeat(np.arange(len(rows)), np.diff(_offsets(segments)))
    borders = segment_of * (length + 1) + segments.flatten().to_numpy()
    scope = np.searchsorted(borders, sequence * (length + 1) + ends.flatten().to_numpy())
    # Only documents longer than a sequence are in pieces, and those are no longer one document to cut.
    tokens = int(table["length"].to_numpy().sum())
    return Read(rows.flatten().to_numpy(), scope, 0, len(rows), tokens, 0, "segments of each sequence")


def _offsets(lists: Any) -> I64:
    return np.asarray(lists.offsets.to_numpy(), dtype=np.int64)


def windows(row: U64, lengths: I64, length: int, batch: I64, borders: str) -> Read:
    """Documents end to end within each batch, cut every `length` tokens, the rest of a batch dropped."""
    ends = np.cumsum(lengths)
    first = np.flatnonzero(np.concatenate([[True], batch[1:] != batch[:-1]]))
    base = np.concatenate([[0], ends])[first]
    total = np.diff(np.append(base, ends[-1]))
    kept = total // length
    before = np.concatenate([[0], np.cumsum(kept)])
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(row))))
    start, stop = ends - lengths - base[group], ends - base[group]
    opening = np.minimum(start // length, kept[group])
    closing = np.minimum((stop - 1) // length, kept[group])
    cut = ((opening != closing) | (closing == kept[group])) & (lengths <= length) & (lengths > 0)
    span = np.minimum(closing, kept[group] - 1) - opening + 1
    span = np.maximum(span, 0)
    owner = np.repeat(np.arange(len(row)), span)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(span) - span, span)
    scope = before[group[owner]] + opening[owner] + within
    sequences = int(kept.sum())
    lost = int(lengths.sum()) - sequences * length
    return Read(row[owner], scope, int(cut.sum()), sequences, sequences * length, lost, borders)


def read_datatrove(out: Path, length: int, seed: int) -> Read:
    """Its shuffled files; the order of documents is the seeded permutation of each task's."""
    rows, lengths, batches = [], [], []
    for task, ids in enumerate(sorted(out.glob("ids-*"))):
        row = np.array(ids.read_text().split(), dtype=np.uint64)
        (index,) = (out / "tokens").glob(f"{task:05d}_*.ds.index")
        ends = np.fromfile(index, dtype="<u8").astype(np.int64)
        assert len(ends) == len(row), "a document for each id"
        rows.append(row[np.random.default_rng(seed).permutation(len(row))])
        lengths.append(np.diff(ends, prepend=0))
        batches.append(np.full(len(row), task))
    joined = (np.concatenate(rows), np.concatenate(lengths), length, np.concatenate(batches))
    return windows(*joined, "end-of-text token, index file")


def read_data_juicer(out: Path, length: int, workers: int) -> Read:
    """group_texts: each worker a contiguous part, in batches of 1,000 rows."""
    row, lengths = np.load(out / "ids.npy"), np.load(out / "lengths.npy")
    parts = np.array_split(np.arange(len(row)), workers)
    batch = np.concatenate([np.arange(len(part)) // 1000 + number * len(row) for number, part in enumerate(parts)])
    found = windows(row, lengths, length, batch, "none")
    assert found.sequences == len(datasets.load_from_disk(str(out / "sequences"))), "the account of group_texts is exact"
    return found


def beside_another_source(read: Read, links: pa.Table) -> tuple[int, int]:
    """Linked rows in sequences, and those that see another source of their own product."""
    place = np.searchsorted(links["row"].to_numpy(), read.row)
    known = links["row"].to_numpy()[np.minimum(place, links.num_rows - 1)] == read.row
    place, scope, row = place[known], read.scope[known], read.row[known]
    keyed = links["keyed"].to_numpy(zero_copy_only=False)[place]
    _, home = np.unique(links["home"].to_numpy()[place[keyed]], return_inverse=True)
    row, group = row[keyed], scope[keyed] * (int(home.max(initial=0)) + 1) + home
    _, group = np.unique(group, return_inverse=True)
    pairs = np.unique(np.stack([group, source_of(row)]), axis=1)
    several = np.bincount(pairs[0]) > 1
    return len(np.unique(row)), len(np.unique(row[several[group]]))


def source_of(row: U64) -> I64:
    """Source of a row: its number begins with it (`row_number`)."""
    return (row >> np.uint64(52)).astype(np.int64)


def quality(name: str, read: Read, rows_in: int, length: int, links: pa.Table) -> list[str]:
    """A line of the second table."""
    kept = len(np.unique(read.row))
    linked, beside = beside_another_source(read, links)
    members = np.bincount(read.scope)
    line = [name, f"{rows_in:,}", f"{kept:,}", f"{read.sequences:,}", f"{read.tokens / max(1, read.sequences) / length:.4f}"]
    line += [f"{read.cut:,} ({read.cut / kept:.1%})", f"{read.lost:,}", read.borders]
    return [*line, f"{len(read.row) / max(1, int((members > 0).sum())):.1f}", f"{beside:,} ({beside / max(1, linked):.1%})"]


def main() -> None:
    """Run everything once, one after another, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = "ECOMCT_SHARED" in os.environ
    default = REPOSITORY / ("recipes/real-bilingual.yaml" if shared else "examples/shop/recipe.yaml")
    parser.add_argument("recipe", type=Path, nargs="?", default=default)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--limit", type=int, help="read only this many lines of each file")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    workers = options.workers
    os.environ |= {"TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": str(workers)}
    with TemporaryDirectory() as temporary, limited(options.recipe, options.limit) as path:
        lines, facts = measure(path, load_recipe(path), Path(temporary), workers)
    print(machine())
    part = f", {options.limit:,} lines of each file" if options.limit else ""
    print(f"{options.recipe}{part}: {facts['rows']:,} rows, {workers} processes (the tokenizer alone: {workers} threads)\n")
    head = ["way", "seconds", "processor seconds", "rows/s", "tokens", "tokens/s", "times the tokenizer alone", "on processors"]
    print(markdown(head, lines[0]))
    head = ["way", "rows in", "rows in sequences", "sequences", "full", "documents cut though they fit", "tokens dropped"]
    print(
        "\n" + markdown([*head, "borders kept", "documents that see each other", "linked rows that see another source"], lines[1])
    )
    if options.json:
        options.json.write_text(json.dumps(facts, indent=1))


def measure(path: Path, recipe: Recipe, folder: Path, workers: int) -> tuple[tuple[list[list[str]], list[list[str]]], Any]:
    """Lines of both tables and all figures."""
    rows_folder, runs, length = folder / "rows", folder / "runs", recipe.sequences.length
    rows_folder.mkdir()
    # Twice as many files as processes, for toolkits that give each process whole files.
    rows = write_rows(recipe, rows_folder, 2 * workers)
    facts: dict[str, Any] = {"rows": rows, "workers": workers, "ways": {}}

    processor, stages = run_ecomct(path, runs, workers)
    run = RunFolder(recipe, runs / recipe.name, workers, ("mixed",))
    texts = training_texts(run)
    tokenizer, eos = load_tokenizer(run.tokens / "tokenizer")
    plain, tokens = tokenizer_alone(tokenizer.encode_batch, texts)
    fast, _ = tokenizer_alone(tokenizer.encode_batch_fast, texts)
    base = min(plain, fast, key=lambda one: one.processor)
    table: list[list[str]] = []

    def add(name: str, seconds: float, used: float | None = None, count: int | None = None) -> None:
        facts["ways"][name] = {"seconds": seconds, "processor_seconds": used, "tokens": count}
        line = [name, f"{seconds:.1f}", f"{used:.1f}" if used else "", f"{rows / seconds:,.0f}"]
        line += [f"{count:,}", f"{count / seconds:,.0f}"] if count else ["", ""]
        table.append([*line, f"{seconds / base.seconds:.2f}", f"{used / base.processor:.2f}" if used else ""])

    add("tokenizer alone, `encode_batch`", plain.seconds, plain.processor, tokens)
    add("tokenizer alone, `encode_batch_fast`", fast.seconds, fast.processor, tokens)
    add(f"ecomct, {len(recipe.training.arms)} arms", sum(stages.values()), processor, tokens)
    for stage, seconds in stages.items():
        add(f"– {stage}", seconds, None, tokens if stage == "tokenize" else None)

    links = pa.concat_tables(
        pq.read_table(run.links / "shards" / f"{shard}.parquet", columns=["row", "home", "keyed"]) for shard in run.shards
    ).sort_by("row")
    second = [quality("ecomct, mixed arm", read_ours(run), rows, length, links)]
    file, eos_token = str(run.tokens / "tokenizer/tokenizer.json"), tokenizer.id_to_token(eos) or ""
    ways: list[tuple[str, str, list[str], Callable[[Path, dict[str, Any]], Read]]] = [
        ("datatrove", "datatrove_sequences.py", [file, eos_token], lambda out, fact: read_datatrove(out, length, fact["seed"])),
        (
            "Data-Juicer, `group_texts`",
            "data_juicer_sequences.py",
            [file, str(length)],
            lambda out, _: read_data_juicer(out, length, workers),
        ),
    ]
    for name, script, arguments, read in ways:
        out = folder / script.removesuffix(".py")
        out.mkdir()
        watch = Watch()
        private = {"HF_HOME": str(out / "hf"), "HF_DATASETS_CACHE": str(out / "cache"), "DATA_JUICER_CACHE_HOME": str(out / "dj")}
        found = run_toolkit(script, out, str(rows_folder), *arguments, str(workers), env=private)
        used = watch.cost().processor
        if isinstance(found, str):
            table.append([f"{name}: skipped, {found}"])
            continue
        done = read(out, found)
        add(f"{name} {found['version']}", found["seconds"], used, done.tokens + done.lost)
        for part, seconds in found.get("parts", {}).items():
            add(f"– {part}", seconds)
        second.append(quality(name, done, rows, length, links))
    facts["measures"] = second
    return (table, second), facts


if __name__ == "__main__":
    main()
