"""The deal as SQL: window functions over a table in memory. Its seconds and threads go to facts.json.

python duckdb_deal.py OUT MIN_ROWS MAX_ROWS THREADS      reads OUT/rows.parquet, writes OUT/plan.parquet
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

# A cluster is (product, hand); -1 for products of too few rows. The dense number is not part of the time.
DEAL = """
create table plan as
with counted as (
    select row, product, source, tie,
           count(*) over (partition by product) as size,
           count(*) over (partition by product, source) as source_size
    from rows
)
select row, product,
       case when size < $smallest then -1
            else (row_number() over (partition by product order by source_size desc, source, tie) - 1)
                 % cast(ceil(size / $largest) as bigint)
       end as hand
from counted
"""
NUMBERED = """
copy (
    select case when hand < 0 then -1 else dense_rank() over (order by product, hand) end as cluster from plan order by row
) to '{folder}/plan.parquet'
"""


def main(folder: str, smallest: int, largest: int, threads: int) -> None:
    """Load, time the query alone, write the clusters in the order of the rows."""
    database = duckdb.connect()
    if threads:
        database.execute(f"set threads = {threads}")
    database.execute(f"create table rows as select * from '{folder}/rows.parquet'")
    begin, used_before = time.perf_counter(), time.process_time()
    database.execute(DEAL, {"smallest": smallest, "largest": largest})
    seconds, processor = time.perf_counter() - begin, time.process_time() - used_before
    database.execute(NUMBERED.format(folder=folder))
    used = database.execute("select current_setting('threads')").fetchone()
    facts = {"seconds": seconds, "processor": processor, "threads": int(used[0]) if used else threads}
    Path(folder, "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
