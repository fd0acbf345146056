"""Units whose own inputs did not change are kept, and the whole is what a run from scratch writes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from run_files import digests, stages_run

from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe

Shop = Callable[..., Path]
BUCKETS = {"buckets": 7}


def pack(recipe: Path, runs: Path, workers: int = 1) -> Path:
    """Run up to the sequences; return the run folder."""
    return run_recipe(load_recipe(recipe), runs, "pack", workers=workers).folder


def forget(recipe: Path, keys: list[str]) -> None:
    recipe.with_suffix(".forget").write_text("# asked to\n" + "".join(f"{key}\n" for key in keys))


def times(folder: Path) -> dict[str, int]:
    """Time of last writing of every data file of a run."""
    files = (path for path in folder.rglob("*") if path.suffix in (".parquet", ".arrow"))
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in files}


def test_forgetting_and_remembering_end_in_the_bytes_of_a_run_from_scratch(shop: Shop, tmp_path: Path) -> None:
    recipe, rng = shop(BUCKETS), random.Random(4)
    first = digests(pack(recipe, tmp_path / "kept"))
    for workers, count in ((1, 1), (2, 12), (1, 2)):
        keys = sorted(rng.sample(range(30), count))
        forget(recipe, [f"products/P{key:03d}" if key % 2 else f"P{key:03d}" for key in keys])
        kept = digests(pack(recipe, tmp_path / "kept", workers))
        assert kept == digests(pack(recipe, tmp_path / f"scratch{count}"))
        assert kept != first
    recipe.with_suffix(".forget").unlink()
    assert digests(pack(recipe, tmp_path / "kept")) == first


CHANGES: list[dict[str, Any]] = [
    {"mixing.max_rows": 5, "training.arms": ["separate", "mixed"]},
    {"blend.tokens": 4000},
    {"sequences.length": 256, "cleaning.profiles.review.min_chars": 6},
    {"tokenizer": {"train_vocab": 500}, "sources.qa": None},
    {"buckets": 3},
]


def test_any_change_ends_in_the_bytes_of_a_run_from_scratch(
    shop: Shop, shop_rows: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """One folder goes through all changes, one after the other."""
    added = [*shop_rows["qa"], {"product": "P001", "question": "New?", "answer": "Entirely."}]
    tables: dict[str, Any] = {"reviews": shop_rows["reviews"][5:], "qa": added}
    pack(shop(BUCKETS), tmp_path / "kept")
    for number, (overrides, rows) in enumerate([*((change, {}) for change in CHANGES), ({}, tables)]):
        recipe = shop(BUCKETS | overrides, rows)
        kept = pack(recipe, tmp_path / "kept")
        assert digests(kept) == digests(pack(recipe, tmp_path / f"{number}")), (overrides, rows)


def test_what_did_not_change_is_not_written_again(shop: Shop, tmp_path: Path) -> None:
    recipe = shop({**BUCKETS, "training.arms": ["domain-separate"]})
    # A tokenizer from disk: one that is trained here learns from every row.
    folder = pack(recipe, tmp_path / "first")
    shutil.copy(folder / "tokens/tokenizer/tokenizer.json", recipe.parent)
    recipe = shop({**BUCKETS, "tokenizer": {"path": "tokenizer.json", "eos": "<|endoftext|>"}})
    folder = pack(recipe, tmp_path / "runs")
    before, bytes_before = times(folder), digests(folder)
    forget(recipe, ["P008"])
    pack(recipe, tmp_path / "runs")
    after, bytes_after = times(folder), digests(folder)
    assert stages_run(folder) == 2 * ["survey", "ingest", "duplicates", "screen", "link", "tokenize", "mix", "pack"]
    units = [name for name in before if not name.startswith("links/")]  # one pass over the ids of all rows
    written = {name for name in units if before[name] != after.get(name)}
    changed = {name for name in units if bytes_before[name] != bytes_after.get(name)}
    assert changed <= written
    # A bucket whose rows beyond the budget changed is made again and comes out the same; shards and files do not.
    assert {name for name in written if name.startswith(("documents/", "tokens/"))} == {
        name for name in changed if name.startswith(("documents/", "tokens/"))
    }
    for kind in ("documents/shards", "tokens/shards", "sequences/packed/general-en", "sequences/packed/domain-mixed"):
        of_kind = {name for name in units if name.startswith(kind)}
        assert of_kind - written, f"all of {kind} was written again"
    assert {name for name in changed if "general" in name and name.startswith(("documents", "tokens"))} == set()


def test_a_kill_while_units_are_reused_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    """Killed again and again between the two lists; the folder is never taken for whole."""
    recipe = shop(BUCKETS)
    base = pack(recipe, tmp_path / "base")
    forget(recipe, ["P003", "P004", "P011"])
    expected = digests(pack(recipe, tmp_path / "calm"))
    rng, kills = random.Random(11), 0
    shutil.copytree(base, tmp_path / "killed/shop")
    command = [sys.executable, "-m", "ecomct", "run", str(recipe), "--runs", str(tmp_path / "killed"), "--until", "pack"]
    while True:
        process = subprocess.Popen(
            [*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            process.wait(rng.uniform(0.6, 1.2 + 0.4 * kills))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert process.returncode == 0
    assert kills
    assert digests(tmp_path / "killed/shop") == expected
