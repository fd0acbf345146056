"""A corpus several times larger than the memory each process may have goes through all data stages.

    python benchmarks/soak/memory.py [--limit-mib 1024] [--text-mib 2048] [--workers 2] [--until pack] [--hard 0.1]

The limit is RLIMIT_DATA, which the kernel enforces on every private writable page of a process and its
children; a process that needs more dies. Prints time and peak resident memory a stage.

Words are drawn from a large vocabulary by Zipf's law. A share of the text, `--hard`, is what is hard for the search for
near-duplicates: variants of 20 long texts, and long texts of 26 words, most of which are half alike.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

ZH = """茶杯 白瓷 送礼 物流 包装 做工 细腻 手感 温润 容量 毫升 朋友 推荐 颜色 素雅 价格 实惠
客服 耐心 城市 河流 历史 天气 音乐 学校 图书 研究"""
EN = """the cup tea ceramic gift parcel smooth warm holds friend colour price
city river history weather music school book study old new and of to is in that for it with as"""
VOCABULARY = 50_000


def vocabulary(rng: random.Random, letters: list[str], least: int, most: int, common: list[str]) -> dict[str, float]:
    """VOCABULARY random words with weights by Zipf's law, `common` first."""
    words = dict.fromkeys(common)
    while len(words) < VOCABULARY:
        words["".join(rng.choices(letters, k=rng.randint(least, most)))] = None
    return {word: 1 / (rank + 10) for rank, word in enumerate(words)}


def sentences(rng: random.Random, words: dict[str, float], joint: str, end: str, count: int) -> list[str]:
    """Sentences of random words: content does not matter here, size and what is shared do."""
    chosen, weights = list(words), list(accumulate(words.values()))
    return [
        joint.join(rng.choices(chosen, cum_weights=weights, k=rng.randint(6, 24))) + str(rng.randrange(1000)) + end
        for _ in range(count)
    ]


def hard_texts(rng: random.Random, pools: dict[str, list[str]]) -> Iterator[str]:
    """In turn a variant of a long text, with up to three tenths of it replaced, and a long text of few words."""
    few = sentences(rng, dict.fromkeys(EN.split(), 1.0), " ", ". ", 2000) + sentences(
        rng, dict.fromkeys(ZH.split(), 1.0), "", "。", 2000
    )
    originals = [rng.choices(pool, k=60) for pool in pools.values() for _ in range(10)]
    while True:
        share = rng.uniform(0, 0.3)
        yield "".join(rng.choice(few) if rng.random() < share else one for one in rng.choice(originals))
        half = few[:2000] if rng.random() < 0.5 else few[2000:]
        yield "".join(rng.choices(half, k=rng.randint(1, 80)))


def texts(rng: random.Random, pool: list[str], most: int) -> Iterator[str]:
    """Texts of 1 to `most` sentences."""
    while True:
        yield "".join(rng.choices(pool, k=rng.randint(1, most)))


def write_corpus(folder: Path, text_bytes: int, hard: float, rng: random.Random) -> None:
    """A third domain rows with keys, the rest general text, in both languages; of all of it a share `hard` is hard."""
    count = min(200_000, max(2000, text_bytes // 500))
    han = [chr(code) for code in range(0x4E00, 0x5600)]
    pools = {
        "zh": sentences(rng, vocabulary(rng, han, 1, 3, ZH.split()), "", "。", count),
        "en": sentences(rng, vocabulary(rng, list("etaoinshrdlucmfw"), 2, 9, EN.split()), " ", ". ", count),
    }
    products = max(1000, text_bytes // 20_000)
    with open(folder / "products.jsonl", "w") as file:
        for key in range(products):
            file.write(json.dumps({"id": key, "title": f"item {key} {rng.choice(pools['zh'])}"}, ensure_ascii=False) + "\n")
    plain = {"reviews": texts(rng, pools["zh"], 32), "general_zh": texts(rng, pools["zh"], 80)}
    plain["general_en"] = texts(rng, pools["en"], 80)
    shares = dict.fromkeys(plain, (1 - hard) / 3) | {"general_hard": hard}
    for name, source in (plain | {"general_hard": hard_texts(rng, pools)}).items():
        left, number = text_bytes * shares[name], 0
        with open(folder / f"{name}.jsonl", "w") as file:
            while left > 0:
                text = f"{number} {next(source)}"
                file.write(json.dumps({"id": rng.randrange(products), "text": text}, ensure_ascii=False) + "\n")
                left -= len(text.encode())
                number += 1


def recipe(folder: Path) -> Path:
    """The recipe of the corpus; the model is never trained here."""
    general = {"kind": "web", "role": "general", "fields": {"text": "text"}}
    sources = {
        "products": {"path": "products.jsonl", "kind": "title", "primary_key": "id", "fields": {"title": "title"}},
        "reviews": {
            "path": "reviews.jsonl",
            "kind": "review",
            "fields": {"text": "text"},
            "references": [{"field": "id", "to": "products"}],
        },
        "general_zh": general | {"path": "general_zh.jsonl", "language": "zh"},
        "general_en": general | {"path": "general_en.jsonl", "language": "en"},
        "general_hard": general | {"path": "general_hard.jsonl"},
    }
    document = {"name": "memory", "sources": sources, "tokenizer": {"train_vocab": 4000}, "sequences": {"length": 2048}}
    document |= {"model": {"config": {"model_type": "bloom"}}, "blend": {"max_repeats": 4}}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(document))  # JSON is YAML
    return path


def main() -> None:
    """Run the data stages under the limit; the exit code is theirs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=1024)
    parser.add_argument("--text-mib", type=int, default=2048)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--until", default="pack")
    parser.add_argument("--hard", type=float, default=0.1)
    options = parser.parse_args()
    limit = options.limit_mib << 20
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_corpus(folder, options.text_mib << 20, options.hard, random.Random(0))
        command = [sys.executable, "-m", "ecomct", "run", str(recipe(folder)), "--until", options.until]
        command += ["--runs", str(folder / "runs"), "--workers", str(options.workers)]
        done = subprocess.run(
            command,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
            # Allocators that reserve address space ahead would count against the limit without using memory.
            env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2"},
            check=False,
        )
        timings = (folder / "runs/memory/timings.jsonl").read_text().splitlines()
        print(f"text {options.text_mib:,} MiB, {options.hard:.0%} of it hard, {options.workers} workers,", end=" ")
        print(f"at most {options.limit_mib:,} MiB of data a process")
        for line in map(json.loads, timings):
            print(f"{line['stage']:<10} {line['seconds']:>8.1f} s  {line['peak_mib']:>6,} MiB resident, all processes together")
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
