"""Token ids a second: Hugging Face, tiktoken and the encoder of a run, on the same texts in one thread.

    python benchmarks/encoders.py [--mib 4] [--all]

Seconds are of the processor, so that neighbours on the machine count little. With ECOMCT_SHARED the texts are real Chinese and
English ones and the tokenizer is Qwen2's; without it the shipped shop's general text and a tokenizer trained on it. tiktoken is
left out where it is not installed. --all compares the ids of every string in all of the data instead; it ends with 1 where one
differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"}

import numpy as np
from tokenizers import Tokenizer

from ecomct.tokens.encoder import FAST, Encoder, unfit
from ecomct.tokens.tokenizer import END_OF_TEXT, train_bpe

BATCH = 1024
SHOP = Path(__file__).parents[1] / "examples/shop/data"


def strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from strings(member)


def texts(file: Path, longest: bool = True) -> Iterator[str]:
    """The longest string of each line of a JSON lines file, or all of them."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else open(file, encoding="utf-8") as lines:
        for line in lines:
            found = list(strings(json.loads(line)))
            yield from [max(found, key=len)] if longest and found else found


def mebibytes(batch: list[str]) -> float:
    """Size of texts as UTF-8."""
    return sum(len(text.encode()) for text in batch) / 2**20


def take(stream: Iterator[str], mib: float) -> list[str]:
    """The first texts, `mib` together."""
    chosen: list[str] = []
    size = 0.0
    for text in stream:
        chosen.append(text)
        size += len(text.encode()) / 2**20
        if size >= mib:
            break
    return chosen


def tiktoken_encoder(folder: Path) -> Callable[[list[str]], object] | None:
    """tiktoken with the vocabulary and pattern of the tokenizer.json, or None."""
    try:
        import tiktoken
    except ImportError:
        return None
    config = json.loads((folder / "tokenizer.json").read_text())
    parts = config["pre_tokenizer"]["pretokenizers"]
    if parts[0]["type"] != "Split":
        return None
    vocabulary = Encoder(folder, FAST).bytes_of_tokens
    ranks = {vocabulary[identifier]: identifier for identifier in config["model"]["vocab"].values()}
    encoding = tiktoken.Encoding("run", pat_str=parts[0]["pattern"]["Regex"], mergeable_ranks=ranks, special_tokens={})
    return lambda batch: [encoding.encode_ordinary(text) for text in batch]


def seconds(encode: Callable[[list[str]], object], batch: list[str]) -> float:
    """Processor time of one pass over the texts."""
    begin = time.process_time()
    for start in range(0, len(batch), BATCH):
        encode(batch[start : start + BATCH])
    return time.process_time() - begin


def speed(folder: Path, sets: dict[str, list[str]]) -> None:
    """Print MiB a second and the ratio to Hugging Face."""
    for name, batch in sets.items():
        encoder = Encoder(folder, FAST)
        ways: dict[str, Callable[[list[str]], object] | None] = {
            "huggingface": encoder.reference,
            "tiktoken": tiktoken_encoder(folder),
            FAST: encoder.encode,
            f"{FAST}, same texts again": encoder.encode,
        }
        encoder.encode(["warm"])
        size, base = mebibytes(batch), 0.0
        for way, encode in ways.items():
            if encode is not None:
                spent = seconds(encode, batch)
                base = base or spent
                print(f"{name:14} {way:28} {size / spent:8.1f} MiB/s {base / spent:6.1f} x", flush=True)


def compare(folder: Path, files: list[Path]) -> int:
    """Print the number of texts with other ids for each file; their sum."""
    encoder, total = Encoder(folder, FAST), 0
    for file in files:
        stream, count, wrong, size = texts(file, longest=False), 0, 0, 0.0
        while batch := list(islice(stream, BATCH)):
            (ids, offsets), (expected, ends) = encoder.encode(batch), encoder.reference(batch)
            count, size = count + len(batch), size + mebibytes(batch)
            if not (np.array_equal(ids, expected) and np.array_equal(offsets, ends)):
                mine, theirs = np.split(ids, offsets[1:-1]), np.split(expected, ends[1:-1])
                wrong += sum(not np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        total += wrong
        print(f"{file.name:40} {count:9,} texts {size:7.1f} MiB {wrong} with other ids", flush=True)
    return total


def main() -> int:
    """Run the benchmark or the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=float, default=4, help="text of each language")
    parser.add_argument("--all", action="store_true", help="compare the ids of all data")
    arguments = parser.parse_args()
    shared = os.environ.get("ECOMCT_SHARED")
    root = Path(shared) / "data" if shared else SHOP
    names = {
        "zh reviews": "catalogue/zh_reviews_10_categories.jsonl.gz",
        "zh wikipedia": "general/zh_wikipedia.jsonl.gz",
        "en web": "general/en_openwebtext.jsonl",
        "en articles": "general/en_tech_articles.jsonl.gz",
    }
    if not shared:
        names = {"zh": "general/general_zh.jsonl.gz", "en": "general/general_en.jsonl.gz"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shared:
            tokenizer = Tokenizer.from_file(str(root / "tokenizer/qwen2/tokenizer.json"))
        else:
            tokenizer = train_bpe((text for file in names.values() for text in take(texts(root / file), 1)), 4000)
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END_OF_TEXT}))
        assert unfit(folder) is None
        if arguments.all:
            files = [file for file in sorted(root.rglob("*")) if file.name.endswith((".jsonl", ".jsonl.gz"))]
            return 1 if compare(folder, files) else 0
        speed(folder, {label: take(texts(root / file), arguments.mib) for label, file in names.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
