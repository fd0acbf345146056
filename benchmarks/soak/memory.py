"""A corpus several times larger than the memory each process may have goes through all data stages.

    python benchmarks/soak/memory.py [--limit-mib 640] [--text-mib 2048] [--workers 2]

The limit is RLIMIT_DATA, which the kernel enforces on every private writable page of a process and its
children; a process that needs more dies. Prints time and peak resident memory a stage.
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
from pathlib import Path

ZH = """茶杯 白瓷 送礼 物流 包装 做工 细腻 手感 温润 容量 毫升 朋友 推荐 颜色 素雅 价格 实惠
客服 耐心 城市 河流 历史 天气 音乐 学校 图书 研究"""
EN = """the cup tea ceramic gift parcel smooth warm holds friend colour price
city river history weather music school book study old new"""


def sentence(rng: random.Random, words: list[str], joint: str, end: str) -> str:
    """A sentence of random words: content does not matter here, size does."""
    return joint.join(rng.choices(words, k=rng.randint(6, 24))) + str(rng.randrange(1000)) + end


def write_corpus(folder: Path, text_bytes: int, rng: random.Random) -> None:
    """A third domain rows with keys, two thirds general text, in both languages."""
    pools = {
        "zh": [sentence(rng, ZH.split(), "", "。") for _ in range(20_000)],
        "en": [sentence(rng, EN.split(), " ", ". ") for _ in range(20_000)],
    }
    products = max(1000, text_bytes // 20_000)
    with open(folder / "products.jsonl", "w") as file:
        for key in range(products):
            file.write(json.dumps({"id": key, "title": f"item {key} {rng.choice(pools['zh'])}"}, ensure_ascii=False) + "\n")
    for name, share, count in (("reviews", 1 / 3, 16), ("general_zh", 1 / 3, 40), ("general_en", 1 / 3, 40)):
        left, number = text_bytes * share, 0
        pool = pools["en" if name == "general_en" else "zh"]
        with open(folder / f"{name}.jsonl", "w") as file:
            while left > 0:
                text = f"{number} " + "".join(rng.choices(pool, k=rng.randint(1, 2 * count)))
                row = json.dumps({"id": rng.randrange(products), "text": text}, ensure_ascii=False)
                file.write(row + "\n")
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
    }
    document = {"name": "memory", "sources": sources, "tokenizer": {"train_vocab": 4000}, "sequences": {"length": 2048}}
    document |= {"model": {"config": {"model_type": "bloom"}}, "blend": {"max_repeats": 4}}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(document))  # JSON is YAML
    return path


def main() -> None:
    """Run the data stages under the limit; the exit code is theirs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=640)
    parser.add_argument("--text-mib", type=int, default=2048)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    limit = options.limit_mib << 20
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_corpus(folder, options.text_mib << 20, random.Random(0))
        command = [sys.executable, "-m", "ecomct", "run", str(recipe(folder)), "--until", "pack"]
        command += ["--runs", str(folder / "runs"), "--workers", str(options.workers)]
        done = subprocess.run(
            command,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
            # Allocators that reserve address space ahead would count against the limit without using memory.
            env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2"},
            check=False,
        )
        timings = (folder / "runs/memory/timings.jsonl").read_text().splitlines()
        print(f"text {options.text_mib:,} MiB, at most {options.limit_mib:,} MiB of data a process, {options.workers} workers")
        for line in map(json.loads, timings):
            print(f"{line['stage']:<10} {line['seconds']:>8.1f} s  {line['peak_mib']:>6,} MiB resident, all processes together")
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
