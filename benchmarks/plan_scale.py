"""Planning from 10^5 rows to 10^8: time, memory, and whether time is linear.

    python benchmarks/plan_scale.py [--largest 7]        8 takes minutes and about 2 GB of disk

As in the stages: rows (row, product, source, tokens) are spread by product over bucket files on disk, then one
bucket at a time is dealt and its clusters are written. Rows come from a seeded hash, a block at a time. A size is
planned in a process of its own on one core; its memory is the peak of resident memory beyond that of the process with
everything imported. Seconds are processor seconds, which hold on a machine with other work.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from _figures import machine, markdown

from ecomct.mixing.deal import deal
from ecomct.mixing.rows import Limits, Rows
from ecomct.seeded import combine, mix64
from ecomct.tokens.pieces import bucket_of

BLOCK, BUCKET_ROWS = 1 << 18, 1 << 18
SHARES = (0.08, 0.16, 0.24, 0.60, 1.0)  # of the five sources, cumulative: the fourth and fifth are reviews and questions
ROW = np.dtype([("row", "<u8"), ("product", "<u8"), ("tokens", "<u2"), ("source", "u1")])
MAX_TOKENS, SMALLEST, LARGEST = 2047, 2, 16
Rows = npt.NDArray[Any]


def blocks(rows: int) -> Iterator[Rows]:
    """`rows` rows in blocks, eight a product on average; the largest product has sqrt(8 * rows) of them."""
    products = max(1, rows // 8)
    for begin in range(0, rows, BLOCK):
        block = np.zeros(min(BLOCK, rows - begin), dtype=ROW)
        block["row"] = np.arange(begin, begin + len(block))
        first, second = mix64(block["row"], 1), mix64(block["row"], 2)
        # The square of a uniform number: products differ in size as shops' do, and none is empty for long.
        rank = ((first >> np.uint64(11)) / 2.0**53) ** 2 * products
        block["product"] = mix64(rank.astype(np.uint64), 3)
        block["source"] = np.searchsorted(SHARES, (second >> np.uint64(32)) / 2.0**32, side="right")
        block["tokens"] = 8 + (second & np.uint64(127))
        yield block


def spread(rows: int, buckets: int, folder: Path) -> None:
    """Append every block's rows to the file of their bucket."""
    for block in blocks(rows):
        bucket = bucket_of(block["product"], buckets)
        order = np.argsort(bucket, kind="stable")
        ends = np.cumsum(np.bincount(bucket, minlength=buckets))
        for number, part in enumerate(np.split(block[order], ends[:-1])):
            if len(part):
                with open(folder / f"rows-{number}", "ab") as file:
                    part.tofile(file)


def plan(bucket: Path, out: Path) -> tuple[int, int]:
    """Deal one bucket and write (row, cluster); rows in clusters, clusters."""
    rows = np.fromfile(bucket, dtype=ROW)
    product = np.ascontiguousarray(rows["product"])
    tie = mix64(combine(rows["row"], np.zeros(len(rows), dtype=np.uint64)), 4)
    source, tokens = rows["source"].astype(np.int64), rows["tokens"].astype(np.int64)
    dealt = deal(Rows(product, source, tokens, tie, np.full(len(rows), MAX_TOKENS)), Limits(SMALLEST, LARGEST, separator=1))
    with open(out, "wb") as file:
        np.ascontiguousarray(rows["row"]).tofile(file)
        dealt.cluster.astype(np.int32).tofile(file)
    return int((dealt.cluster >= 0).sum()), int(dealt.cluster.max(initial=-1)) + 1


def one(exponent: int) -> dict[str, Any]:
    """Plan 10^exponent rows in this process."""
    rows = 10**exponent
    buckets = -(-rows // BUCKET_ROWS)
    warm = np.arange(4)
    deal(Rows(warm.astype(np.uint64), warm, warm, warm.astype(np.uint64), warm), Limits(SMALLEST, LARGEST))
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        begin = time.process_time()
        spread(rows, buckets, folder)
        middle = time.process_time()
        clustered, clusters = 0, 0
        for number in range(buckets):
            if (folder / f"rows-{number}").exists():
                more = plan(folder / f"rows-{number}", folder / f"plan-{number}")
                clustered, clusters = clustered + more[0], clusters + more[1]
                os.unlink(folder / f"rows-{number}")
        end = time.process_time()
        written = sum(path.stat().st_size for path in folder.iterdir())
    assert written == 12 * rows, "every row has its line in the plan"
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - empty) * unit
    facts = {"rows": rows, "spread": middle - begin, "deal": end - middle, "peak": peak, "buckets": buckets}
    return facts | {"clustered": clustered, "clusters": clusters}


def table(found: list[dict[str, Any]]) -> str:
    """A line for each size and the exponent of time over rows."""
    lines = []
    for facts in found:
        rows, seconds = facts["rows"], facts["spread"] + facts["deal"]
        line = [f"{rows:,}", f"{facts['buckets']}", f"{facts['spread']:.2f}", f"{facts['deal']:.2f}", f"{rows / seconds:,.0f}"]
        line += [f"{rows / facts['deal']:,.0f}", f"{facts['peak'] / 2**20:,.0f}", f"{facts['peak'] / rows:,.1f}"]
        lines.append([*line, f"{facts['clustered'] / rows:.4f}"])
    head = ["rows", "buckets", "spread s", "deal s", "rows/s/core", "of the deal alone", "peak MiB", "bytes a row"]
    first, last = found[0], found[-1]
    growth = math.log((last["spread"] + last["deal"]) / (first["spread"] + first["deal"]))
    power = growth / math.log(last["rows"] / first["rows"]) if last is not first else 1.0
    ends = f"time grows as rows^{power:.3f} from {first['rows']:,} to {last['rows']:,} rows"
    return markdown([*head, "rows in clusters"], lines) + f"\n\n{ends}"


def main() -> None:
    """Plan each size in a process of its own; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=7, help="largest exponent of ten")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(one(options.one)))
        return
    found = []
    for exponent in range(5, options.largest + 1):
        done = subprocess.run([sys.executable, __file__, "--one", str(exponent)], stdout=subprocess.PIPE, check=True)
        found.append(json.loads(done.stdout))
    print(machine())
    print(table(found))


if __name__ == "__main__":
    main()
