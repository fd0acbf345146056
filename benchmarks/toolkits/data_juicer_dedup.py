"""Data-Juicer's document_minhash_deduplicator: which rows it puts into one cluster.

python data_juicer_dedup.py OUT ROWS SPEED TOKENIZATION      space is its default; character is advised for Chinese
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

from data_juicer.ops.common.helper_func import UnionFind
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from datasets import Dataset


def main(out: str, rows: str, speed: str, tokenization: str) -> None:
    """Cluster the rows, then time the signatures of other rows on one core."""
    operator = DocumentMinhashDeduplicator(tokenization=tokenization)
    records = [json.loads(line) for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    kept, _ = operator.process(Dataset.from_list(records).map(operator.compute_hash))
    # Its clusters, by its own rule, from the tables that `process` filled.
    clusters = UnionFind()
    for table in operator.hash_tables:
        for cluster in table.values():
            for member in cluster:
                clusters.union(member, min(cluster))
    roots = {record["id"]: str(clusters.find(number)) for number, record in enumerate(records)}
    assert len(kept) == len(set(roots.values())), "not the clusters that it filters by"
    texts = [json.loads(line) for line in Path(speed).read_text(encoding="utf-8").splitlines()]
    begin = time.perf_counter()
    for record in texts:
        operator.compute_hash(record)
    rate = len(texts) / (time.perf_counter() - begin)
    facts = {"clusters": roots, "signatures_per_second": rate, "version": version("py-data-juicer")}
    Path(out, "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    main(*sys.argv[1:])
