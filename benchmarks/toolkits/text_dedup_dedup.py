"""text-dedup's MinHash command with its default settings: which rows it puts into one cluster.

python text_dedup_dedup.py OUT ROWS SPEED
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from datasets import Dataset
from text_dedup import minhash
from text_dedup.utils import optimal_param, sha1_hash


def main(out: str, rows: str, speed: str) -> None:
    """Cluster the rows, then time the signatures of other rows on one core. Rows that it drops unread are alone."""
    records = [json.loads(line) for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    Dataset.from_list(records).save_to_disk(f"{out}/rows")
    options = ["--path", f"{out}/rows", "--local", "--output", f"{out}/kept", "--column", "text", "--num_proc", "1"]
    minhash.main(options, standalone_mode=False)
    roots = {record["id"]: str(minhash.uf.find(number)) for number, record in enumerate(records)}
    texts = [json.loads(line)["text"] for line in Path(speed).read_text(encoding="utf-8").splitlines()]
    # As `main` prepares it by default: 250 permutations, threshold 0.7, 5-grams, 64 bits, sha1.
    bands, size = optimal_param(0.7, 250, false_positive_weight=0.5, false_negative_weight=0.5)
    prime = np.uint64((1 << 61) - 1)
    factors = (minhash.RNG.randint(1, prime, 250, np.uint64), minhash.RNG.randint(0, prime, 250, np.uint64))
    begin = time.perf_counter()
    for number, text in enumerate(texts):
        minhash.embed_func(
            text,
            number,
            num_perm=250,
            ngram_size=5,
            min_length=5,
            hashranges=[(band * size, (band + 1) * size) for band in range(bands)],
            permutations=factors,
            hash_func=lambda data: sha1_hash(data, d=32),
            dtype=np.uint64,
            max_hash=np.uint32((1 << 32) - 1),
            modulo_prime=prime,
        )
    rate = len(texts) / (time.perf_counter() - begin)
    facts = {"clusters": roots, "signatures_per_second": rate, "version": version("text-dedup")}
    Path(out, "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    main(*sys.argv[1:])
