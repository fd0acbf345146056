"""Leaks of real benchmark items planted into real text: what is found, what is said to be one and is none, and how fast.

    ECOMCT_SHARED=... python benchmarks/decontamination.py [--leaks 150]

Side by side with shared 13-grams, of words (as in GPT-3's and lm-eval's decontamination) and of characters: a document is
contaminated if it shares one with any item. All ways read the same documents and the same texts of items. A leak counts as found
if its document is named; what else is named is counted, by source, for a person to read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from _figures import Watch, machine, markdown

from ecomct.decontamination.index import Index, build
from ecomct.decontamination.items import Item, read_benchmark, task_item
from ecomct.decontamination.match import match
from ecomct.decontamination.needles import Needles, collect
from ecomct.decontamination.screen import CANDIDATES, is_common
from ecomct.decontamination.segments import BATCH
from ecomct.documents.clean import clean_value
from ecomct.evaluation.ecominstruct import read_task
from ecomct.recipe.decontamination import Benchmark, Decontamination
from ecomct.seeded import hash_text

GENERAL = ("tnews/fewclue/test_public.json", "cmrc2018/cmrc2018_dev.json", "squad_v2/dev-v2.0.half.json", "agnews/test.csv",
           "ocnli/dev.json")  # fmt: skip
# Source, file, column, how many rows.
CORPUS = (
    ("titles", "catalogue/zh_tmall_titles.jsonl", "title", 25_000),
    ("reviews", "catalogue/zh_reviews_10_categories.jsonl.gz", "review", 20_000),
    ("coin reviews", "catalogue/zh_cncoin/reviews.jsonl", "content", 8_000),
    ("en reviews", "catalogue/en_amazon_pqa/reviews.jsonl", "text", 5_000),
    ("wiki", "general/zh_wikipedia.jsonl.gz", "content", 8_000),
    ("web", "general/en_openwebtext.jsonl", "text", 600),
)


class Document(NamedTuple):
    """A text, its source, and the form of the leak that is planted in it, if any."""

    text: str
    source: str
    form: str = ""


def benchmarks(shared: Path) -> Iterator[tuple[str, Iterable[Item]]]:
    """Items of the EcomInstruct tasks and of five general test sets."""
    for folder in sorted((shared / "data/bench/ecominstruct").glob("*/tasks/*")):
        if (folder / "test.json").is_file():
            task = read_task(folder)
            writes = task.type == "Generate" and "title" in task.name
            records = ((item.line, json.loads(item.record)) for item in task.items)
            yield folder.name, [task_item(f"{line}", record, writes, frozenset()) for line, record in records]
    for name in GENERAL:
        yield name, read_benchmark([shared / "data/bench" / name], Benchmark(path=""), frozenset())


def corpus(shared: Path) -> Iterator[Document]:
    """Real text, cleaned as documents are."""
    for source, name, column, rows in CORPUS:
        path = next((shared / "data").glob(name + "*"))
        with gzip.open(path, "rt") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
            for _, line in zip(range(rows), file, strict=False):
                record = json.loads(line)
                text = record.get(column) or record.get("name") or record.get("title") or ""
                yield Document(clean_value(str(text), keep_lines=True), source)


def reformatted(text: str, rng: random.Random) -> str:
    """Other punctuation, case and order of sentences and key-values, one a line."""
    segments = [segment for segment in re.split(r"#;#|[。！？；;\n|*]|[.!?](?=\s)", text) if segment.strip()]
    rng.shuffle(segments)
    return "\n".join(re.sub(r"[,，、:：]", " ", segment.replace("#:#", ": ")).upper() for segment in segments)


FORMS: dict[str, Callable[[str, str, random.Random], str]] = {
    "verbatim": lambda text, host, rng: text,
    "reformatted": lambda text, host, rng: reformatted(text, rng),
    "a line of an article": lambda text, host, rng: f"{host[:3000]}\n{text}\n{host[3000:6000]}",
    "within a sentence": lambda text, host, rng: f"{host[:60]} {text.rstrip('。.')} {host[60:120]}",
    "half": lambda text, host, rng: text[: (len(text) + 1) // 2],
}


def planted(needles: Needles, index: Index, hosts: list[str], leaks: int) -> Iterator[Document]:
    """Leaks of each form, language and length; a form that cannot show such a text is left out."""
    rng = random.Random(5)
    size = np.diff(index.first)
    sought = np.zeros(len(size), dtype=bool)
    sought[index.whole_needle] = True
    sought &= index.title | index.text
    for language, han in (("zh", True), ("en", False)):
        enough = Decontamination().enough["zh" if han else "en"]
        classes = {"short": size < enough // 2, "middle": (size >= enough // 2) & (size < 2 * enough), "long": size >= 2 * enough}
        for length, mine in classes.items():
            chosen = np.flatnonzero(sought & (index.han == han) & mine).tolist()
            for form, write in FORMS.items():
                if (form == "half" and length != "long") or (form == "within a sentence" and length == "short"):
                    continue
                # Half of a list of key-values may be another product's.
                those = [one for one in chosen if "#:#" not in needles.texts[one]] if form == "half" else chosen
                for needle in rng.sample(those, min(leaks, len(those))):
                    text = write(needles.texts[needle], rng.choice(hosts), rng)
                    yield Document(clean_value(text, keep_lines=True), "planted", f"{language}, {length}: {form}")


def ours(index: Index, documents: list[Document], setting: Decontamination) -> set[int]:
    """Documents that hold an item."""
    found, begin = [], 0
    while begin < len(documents):
        end, characters = begin, 0
        while end < len(documents) and (characters < BATCH or end == begin):
            characters += len(documents[end].text)
            end += 1
        texts = [document.text for document in documents[begin:end]]
        fields = np.array([[number, 0, len(text)] for number, text in enumerate(texts)])
        matches = match(index, texts, fields, False)
        hashes = [hash_text(texts[number]) for number in matches.document.tolist()]
        columns: list[npt.NDArray[Any]] = [
            matches.document + begin,
            matches.needle,
            *matches[2:],
            np.array(hashes, np.uint64),
            np.zeros(len(hashes), np.uint64),
        ]
        arrays = [
            pa.array(column.astype(field.type.to_pandas_dtype())) for column, field in zip(columns, CANDIDATES, strict=True)
        ]
        found.append(pa.table(arrays, schema=CANDIDATES))
        begin = end
    candidates = pa.concat_tables(found)
    common = is_common(candidates, index, setting.common_rows)
    return set(candidates["row"].to_numpy()[~common].tolist())


def grams(text: str, words: bool) -> Iterator[int]:
    """Hashes of all 13-grams: of words between white space, or of characters that are letters or digits."""
    units = re.findall(r"\w+", text.lower()) if words else [c for c in text.lower() if c.isalnum()]
    joint = " " if words else ""
    for start in range(len(units) - 12):
        yield xxhash.xxh3_64_intdigest(joint.join(units[start : start + 13]).encode())


def thirteen(needles: Needles, documents: list[Document], words: bool) -> tuple[set[int], float, float]:
    """Documents that share a 13-gram with an item; seconds for the index and for the documents."""
    watch = Watch()
    known = {gram for text in needles.texts for gram in grams(text, words)}
    built, watch = watch.cost().processor, Watch()
    found = {number for number, document in enumerate(documents) if not known.isdisjoint(grams(document.text, words))}
    return found, built, watch.cost().processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaks", type=int, default=150, help="leaks of each form, language and length")
    parser.add_argument("--show", action="store_true", help="print what is named and was not planted")
    arguments = parser.parse_args()
    if not (folder := os.environ.get("ECOMCT_SHARED")):
        sys.exit("ECOMCT_SHARED is not set: real data is not here")
    shared, setting = Path(folder), Decontamination()
    needles = collect(benchmarks(shared), [])
    watch = Watch()
    index = build(needles, setting)
    built = watch.cost().processor
    real = list(corpus(shared))
    hosts = [document.text for document in real if document.source in ("wiki", "web") and len(document.text) > 6000]
    documents = [*real, *planted(needles, index, hosts, arguments.leaks)]
    found = {"ecomct": ours(index, documents, setting)}
    # Leaks are rare: time is that of the real text alone.
    watch = Watch()
    ours(index, real, setting)
    times = {"ecomct": (built, watch.cost().processor)}
    for name, words in (("13-grams of words", True), ("13-grams of characters", False)):
        found[name], *_ = thirteen(needles, documents, words)
        _, *seconds = thirteen(needles, real, words)
        times[name] = (seconds[0], seconds[1])
    characters = sum(len(document.text) for document in real)
    print(machine())
    print(f"{len(needles.items):,} items, {len(needles.texts):,} texts; {len(real):,} documents, {characters:,} characters")
    print()
    total = Counter(document.form for document in documents if document.form)
    lines = []
    for form, count in total.items():
        held = [sum(documents[number].form == form for number in one) for one in found.values()]
        lines.append([form, f"{count:,}", *(f"{100 * number / count:.1f} %" for number in held)])
    print(markdown(["planted leak", "leaks", *found], lines))
    print("\nNamed, but not planted:\n")
    sources = dict.fromkeys(document.source for document in real)
    rows = Counter(document.source for document in real)
    named = {way: Counter(documents[number].source for number in one) for way, one in found.items()}
    print(
        markdown(
            ["source", "documents", *found], [[s, f"{rows[s]:,}", *(f"{named[way][s]:,}" for way in found)] for s in sources]
        )
    )
    print("\nProcessor seconds, one core:\n")
    lines = []
    for way, (index_seconds, seconds) in times.items():
        rates = f"{len(real) / seconds:,.0f}", f"{characters / seconds / 1e6:.2f}"
        lines.append([way, f"{index_seconds:.1f}", f"{seconds:.1f}", *rates])
    print(markdown(["way", "index s", "documents s", "documents/s", "million characters/s"], lines))
    if arguments.show:
        for number in sorted(found["ecomct"]):
            if not documents[number].form:
                print(documents[number].source, documents[number].text[:200].replace("\n", " "))


if __name__ == "__main__":
    main()
