"""Short fields through the whole of cleaning, beside other toolkits' operators for the same, on the same rows.

    python benchmarks/documents.py [--fields 100000] [--longest 300] [--json FILE]

Fields are titles, reviews, questions, answers and key-values of ECOMCT_SHARED of at most `--longest` characters, else those
of the shipped shop. ecomct mends, cleans, takes out boilerplate, masks, judges, finds the language and makes the hashes of
near-duplicates: by part in memory, then as the stage `ingest` does it, which reads JSON lines and writes Parquet. Data-Juicer and
datatrove (`make bench-toolkits`) do what they have of it on the same file; what they lack is in their scripts. One process
each. Our parts are processor seconds with models loaded; the stage's and theirs are seconds on the clock.
`--tenfold` reads the fields once and ten times over and prints the memory of each.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from _figures import machine, markdown, run_toolkit

from ecomct.documents.ingest import ingest_task, ingest_unit
from ecomct.documents.language import label
from ecomct.documents.linearise import lookup
from ecomct.documents.refine import Refine
from ecomct.duplicates.signature import near_column
from ecomct.recipe import Recipe, load_recipe
from ecomct.recipe.cleaning import Cleaning, ProfileName
from ecomct.rules.rule import Passage
from ecomct.seeded import hash_text
from ecomct.sources.files import source_units
from ecomct.sources.readers import read_rows

REPOSITORY = Path(__file__).parent.parent
BATCH = 4096
Field = tuple[ProfileName, str, str]  # profile, language, raw text
_SLOTS: dict[str, tuple[tuple[str, ProfileName], ...]] = {
    "title": (("title", "title"),),
    "review": (("text", "review"),),
    "qa": (("question", "question"), ("answer", "answer")),
    "attributes": (("text", "value"), ("value", "value")),
}


def short_fields(recipe: Recipe, longest: int) -> Iterator[Field]:
    """The short fields of all domain sources, in recipe order."""
    for name, source in recipe.sources.items():
        for unit in source_units(recipe, name) if source.role == "domain" else ():
            encodings = [source.encoding] if isinstance(source.encoding, str) else source.encoding
            for row in read_rows(unit, encodings, source.limit):
                for slot, profile in _SLOTS.get(source.kind, ()):
                    column = source.fields.get(slot)
                    text = lookup(row.data, column) if row.data is not None and isinstance(column, str) else None
                    if isinstance(text, str) and 0 < len(text) <= longest:
                        yield profile, source.language, text


def chosen(recipe: Recipe, count: int, longest: int) -> list[Field]:
    """At most `count` of the fields, by hash."""
    ordered = sorted(enumerate(short_fields(recipe, longest)), key=lambda one: hash_text(f"{one[0]}"))
    return [field for _, field in ordered[:count]]


def clean(fields: Iterator[Field]) -> dict[str, float]:
    """All of a field's way but its reading and writing; seconds by part, and how many stay."""
    refines = {language: Refine(Cleaning(), language, {}) for language in ("zh", "en", "auto")}
    seconds = dict.fromkeys(("clean and mask", "rules", "language", "near-duplicate hashes"), 0.0)
    kept = rows = 0
    while batch := list(islice(fields, BATCH)):
        rows += len(batch)
        times = [time.process_time()]
        texts = [refines[language](raw, False, "text") for _, language, raw in batch]
        times.append(time.process_time())
        stays = [
            (profile, text)
            for (profile, language, _), text in zip(batch, texts, strict=True)
            if text and refines[language].judge(profile, Passage(text, profile, "en" if language == "en" else "zh")) is None
        ]
        times.append(time.process_time())
        for _, text in stays:
            label(text)
        times.append(time.process_time())
        near_column([text for _, text in stays], "review", [[(0, len(text))] for _, text in stays])
        times.append(time.process_time())
        kept += len(stays)
        for part, begin, end in zip(seconds, times[:-1], times[1:], strict=True):
            seconds[part] += end - begin
    return seconds | {"kept": kept, "rows": rows}


def read(path: Path, copies: int) -> Iterator[Field]:
    """The fields of a file, several times over."""
    for _ in range(copies):
        with open(path, "rb") as lines:
            for line in lines:
                row = orjson.loads(line)
                yield row["profile"], row["language"], row["text"]


def ingested(path: Path) -> float:
    """Seconds of the stage's work on the file: all fields as reviews, read, cleaned and written."""
    source = {"path": str(path), "kind": "review", "fields": {"text": "text"}}
    settings = {"name": "fields", "sources": {"fields": source}, "tokenizer": {"train_vocab": 300}}
    recipe = Recipe.model_validate(settings | {"model": {"config": {"model_type": "bloom"}}})
    begin = time.perf_counter()
    with TemporaryDirectory() as folder:
        for unit in source_units(recipe, "fields"):
            ingest_unit(ingest_task(recipe, Path(folder), "fields", {}), unit)
    return time.perf_counter() - begin


def measured(path: Path, copies: int) -> dict[str, float]:
    """`clean` in a process of its own, with its peak memory in MiB."""
    command = [sys.executable, __file__, "--child", str(path), "--copies", str(copies)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    facts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return facts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=100_000)
    parser.add_argument("--longest", type=int, default=300)
    parser.add_argument("--tenfold", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--copies", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        clean(islice(read(given.child, 1), BATCH))  # tables and the language model are loaded before the clock starts
        label("Dies ist ein längerer deutscher Satz, bei dem der Rechner nicht sicher ist, in welcher Sprache er steht.")
        facts = clean(read(given.child, given.copies))
        facts["ingest"] = ingested(given.child) if given.copies == 1 else 0.0
        print(json.dumps(facts | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    here = "recipes/real-bilingual.yaml" if os.environ.get("ECOMCT_SHARED") else "examples/shop/recipe.yaml"
    fields = chosen(load_recipe(REPOSITORY / here), given.fields, given.longest)
    characters = sum(len(text) for _, _, text in fields)
    print(machine(), f"{len(fields):,} fields of {here}, {characters / len(fields):.0f} characters in the mean\n", sep="\n")
    with TemporaryDirectory() as folder:
        rows = Path(folder, "rows")
        rows.mkdir()
        path = rows / "fields.jsonl"
        named = ("profile", "language", "text")
        path.write_bytes(b"".join(orjson.dumps(dict(zip(named, field, strict=True))) + b"\n" for field in fields))
        ours = measured(path, 1)
        parts = [part for part in ours if part not in ("kept", "rows", "ingest", "mib")]
        whole = sum(ours[part] for part in parts)
        lines = [["ecomct", f"{whole:.1f}", f"{len(fields) / whole:,.0f}", f"{ours['kept'] / len(fields):.1%}"]]
        lines += [[f"  {part}", f"{ours[part]:.1f}", f"{len(fields) / ours[part]:,.0f}"] for part in parts]
        lines.append(["ecomct, the stage ingest", f"{ours['ingest']:.1f}", f"{len(fields) / ours['ingest']:,.0f}", "", "1.0"])
        for title, script, *arguments in (
            ("Data-Juicer", "data_juicer_clean.py", "1"),
            ("datatrove", "datatrove_clean.py", "zh", "1"),
        ):
            out = Path(folder, script)
            out.mkdir()
            facts = run_toolkit(script, out, str(rows), *arguments)
            if isinstance(facts, str):
                lines.append([title, facts])
                continue
            share, rate = facts["kept"] / len(fields), len(fields) / facts["seconds"]
            name, ratio = f"{title} {facts['version']}", f"{facts['seconds'] / ours['ingest']:.1f}"
            lines.append([name, f"{facts['seconds']:.1f}", f"{rate:,.0f}", f"{share:.1%}", ratio])
        print(markdown(["one process", "seconds", "fields a second", "kept", "times the stage"], lines))
        if given.tenfold:
            tenfold = measured(path, 10)
            print(f"\nmemory: {ours['mib']:.0f} MiB once, {tenfold['mib']:.0f} MiB ten times over")
        if given.json:
            given.json.write_text(json.dumps({"ecomct": ours, "table": lines}, indent=1))


if __name__ == "__main__":
    main()
