"""datatrove's MinHash in its documented steps, with its default settings: which rows it puts into one cluster.

python datatrove_dedup.py OUT ROWS SPEED      ROWS, SPEED: files of {"id", "text"}
"""

from __future__ import annotations

import json
import struct
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader


def main(out: str, rows: str, speed: str) -> None:
    """Cluster the rows, then time the signatures of other rows on one core."""
    reader = JsonlReader(str(Path(rows).parent), glob_pattern=Path(rows).name)
    step = MinhashDedupSignature(f"{out}/signatures")
    pipelines: list[tuple[int, list[Any]]] = [
        (1, [reader, step]),
        (step.config.num_buckets, [MinhashDedupBuckets(f"{out}/signatures", f"{out}/buckets")]),
        (1, [MinhashDedupCluster(f"{out}/buckets", f"{out}/removed", save_cluster_id=True)]),
    ]
    for number, (tasks, pipeline) in enumerate(pipelines):
        LocalPipelineExecutor(pipeline, tasks=tasks, logging_dir=f"{out}/logs-{number}").run()
    # (document, cluster) of every document of a cluster; the filter, its last step, keeps one of each.
    found = dict(struct.iter_unpack("<II", Path(out, "removed/000000.clusters").read_bytes()))
    ids = [json.loads(line)["id"] for line in Path(rows).read_text(encoding="utf-8").splitlines()]
    clusters = {name: f"cluster {found[number]}" if number in found else name for number, name in enumerate(ids)}
    texts = [json.loads(line)["text"] for line in Path(speed).read_text(encoding="utf-8").splitlines()]
    step.get_shingles(texts[0])
    begin = time.perf_counter()
    for text in texts:
        if len(shingles := step.get_shingles(text)):
            step.get_signature(shingles)
    rate = len(texts) / (time.perf_counter() - begin)
    facts = {"clusters": clusters, "signatures_per_second": rate, "version": version("datatrove")}
    Path(out, "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
