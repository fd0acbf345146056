"""Forgetting products against a run from scratch without them: the same bytes, and in which share of its time.

Data: recipes/real-bilingual.yaml at ECOMCT_SHARED, data stages only. Both in this process, one after the other,
with the same number of workers; the figure is their ratio.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import pyarrow.dataset as ds

from ecomct.documents.keys import referred_to
from ecomct.lineage.forget import forget
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.run_folder import RunFolder
from ecomct.seeded import hash_text
from ecomct.units import file_digest

RECIPE = Path(__file__).parent.parent / "recipes" / "real-bilingual.yaml"
VOLATILE = ("timings.jsonl", ".lock", ".inputs.json")


def main() -> None:
    """Run, forget, run from scratch, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--buckets", type=int, default=0, help="0: by the size of the text")
    options = parser.parse_args()
    if not os.environ.get("ECOMCT_SHARED"):
        print("skipped: ECOMCT_SHARED is not set")
        return
    with tempfile.TemporaryDirectory() as place:
        recipe = Path(place, RECIPE.name)
        buckets = f"\nbuckets: {options.buckets}\n" if options.buckets else ""
        recipe.write_text(RECIPE.read_text(encoding="utf-8") + buckets, encoding="utf-8")
        run = run_recipe(load_recipe(recipe), Path(place, "kept"), "pack", workers=options.workers)
        keys = some_products(run, options.products)
        start = time.monotonic()
        found, arms = forget(recipe, keys, Path(place, "kept"), options.workers)
        forgetting = time.monotonic() - start
        assert found is not None
        start = time.monotonic()
        scratch = run_recipe(load_recipe(recipe), Path(place, "scratch"), "pack", workers=options.workers)
        anew = time.monotonic() - start
        different = compare(run.folder, scratch.folder)
    rows = sum(map(len, found.rows.values()))
    print(f"{len(found.keys)} products, {rows:,} rows of {len(found.rows)} sources forgotten")
    print(f"forget {forgetting:.1f} s, from scratch {anew:.1f} s, ratio {forgetting / anew:.3f}")
    print(f"files that differ: {different or 'none'}")
    for arm, one in arms.items():
        print(
            f"{arm}: {len(found.sequences[arm]):,} sequences held them; {one.rebuilt:,} rebuilt, {one.kept:,} kept byte for byte"
        )


def some_products(run: RunFolder, count: int) -> list[str]:
    """Products drawn by seeded hash over those with an own row."""
    sources = set(referred_to(run.recipe))
    table = ds.dataset(run.documents / "shards").to_table(columns=["source", "keys"])
    keys = {row["keys"][0] for row in table.to_pylist() if row["source"] in sources and row["keys"]}
    return sorted(keys, key=lambda key: hash_text(key, run.recipe.seed))[:count]


def compare(one: Path, other: Path) -> list[str]:
    """Files of two run folders that are not in both with the same bytes; the record of the forgetting left out."""
    files = [
        {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file() and path.name not in VOLATILE}
        for folder in (one, other)
    ]
    files[0] = {name: path for name, path in files[0].items() if not name.startswith("forgotten/")}
    names = sorted(files[0].keys() | files[1].keys())
    return [
        name for name in names if any(name not in side for side in files) or len({file_digest(side[name]) for side in files}) > 1
    ]


if __name__ == "__main__":
    main()
