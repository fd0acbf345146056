"""Whole runs: every planted leak is out, nothing else is, and the bytes depend on the input alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ecomct.errors import InputError
from ecomct.lineage.locate import open_run
from ecomct.lineage.rows import rows_named
from ecomct.lineage.show import trace_lines
from ecomct.lineage.trace import trace_rows
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest

Leaky = Callable[..., Path]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Every document with its fate."""
    found = []
    for path in sorted((folder / "documents/shards").glob("*.parquet")):
        links = pq.read_table(folder / "links/shards" / path.name).to_pylist()
        found += [document | link for document, link in zip(pq.read_table(path).to_pylist(), links, strict=True)]
    return found


def hits_of(folder: Path) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = pq.read_table(folder / "screen/hits.parquet").to_pylist()
    return hits


def bytes_of(folder: Path, *stages: str) -> dict[str, str]:
    files = [path for stage in stages for path in sorted((folder / stage).rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def run(recipe: Path, runs: Path, workers: int = 1, until: str = "link") -> Path:
    return run_recipe(load_recipe(recipe), runs, until, workers=workers).folder


def test_every_planted_leak_is_out_and_nothing_else(
    screened: Path, planted: dict[tuple[str, int], str], leaking_products: set[str]
) -> None:
    rows = rows_of(screened)
    by_text = {(row["file"], row["line"]) for row in rows} & planted.keys()
    assert by_text == planted.keys()
    for row in rows:
        leaks = (row["file"], row["line"]) in planted or bool(leaking_products & set(row["keys"]))
        assert (row["fate"] == "contaminated") == leaks, row
    hits = {hit["row"]: hit for hit in hits_of(screened)}
    places = {row["row"]: (row["file"], row["line"]) for row in rows}
    for number, hit in hits.items():
        if places[number] in planted:
            assert f"{hit['task']} {hit['item']}" == planted[places[number]]
            assert hit["how"] in ("exact", "overlap")
            assert hit["matched"]
        else:
            assert (hit["how"], hit["item"]) in [("title", "bench.jsonl:4"), ("id", "bench.jsonl:5")]
    assert set(hits) == {row["row"] for row in rows if row["fate"] == "contaminated"}
    assert [hit["row"] for hit in hits_of(screened)] == sorted(hits)


def test_nothing_of_a_leak_reaches_a_sequence(screened: Path) -> None:
    import datasets

    contaminated = {row["row"] for row in rows_of(screened) if row["fate"] == "contaminated"}
    for arm in ("general", "domain-separate", "separate", "mixed"):
        for record in datasets.load_from_disk(str(screened / "sequences" / arm)):
            assert contaminated.isdisjoint(record["rows"])


def test_measures_and_ledger_say_what_would_have_leaked(screened: Path) -> None:
    measures = json.loads((screened / "screen/measures.json").read_text())
    task = measures["tasks"]["planted"]
    assert (task["items"], task["items_found"]) == (7, 5)
    hits = hits_of(screened)
    for source, facts in task["sources"].items():
        mine = [hit["how"] for hit in hits if hit["source"] == source]
        assert facts == {"rows": len(mine), "how": {how: mine.count(how) for how in set(mine)}}
    ledger = json.loads((screened / "ledger.json").read_text())["stages"]["link"]
    assert {source: account["leftovers"].get("contaminated", 0) for source, account in ledger.items()} == {
        source: task["sources"].get(source, {"rows": 0})["rows"] for source in ledger
    }


def test_a_trace_names_the_item(screened: Path) -> None:
    located = open_run(load_recipe(screened.parents[1] / "shop/recipe.yaml"), screened.parent)
    [trace] = trace_rows(located, rows_named(located, "reviews.jsonl:91"))
    assert (trace.stage, trace.outcome) == ("link", "contaminated")
    assert "planted bench.jsonl:3 by exact" in trace.detail
    assert any("holds an item of a benchmark: planted bench.jsonl:3" in line for line in trace_lines(trace))


def test_what_a_leaking_row_repeats_goes_with_it(leaky: Leaky, shop_rows: dict[str, Any], tmp_path: Path) -> None:
    """The same text under a product that no item names, before and after the one that an item does."""
    text = {"text": "It whistles like a small steam engine when it boils.", "stars": 5.0}
    reviews = [text | {"product": "P012"}, *shop_rows["reviews"], text | {"product": "P004"}, text | {"product": "P014"}]
    folder = run(leaky(tmp_path / "shop", reviews=reviews), tmp_path / "runs")
    fates = [row["fate"] for row in rows_of(folder) if "steam engine" in row["text"]]
    assert fates == ["contaminated", "contaminated", "duplicate"]


def test_a_held_out_leak_is_a_leak(leaky: Leaky, tmp_path: Path, planted: dict[tuple[str, int], str]) -> None:
    folder = run(leaky(tmp_path / "shop", {"evaluation.held_out": 0.99}), tmp_path / "runs")
    fates = {(row["file"], row["line"]): row["fate"] for row in rows_of(folder)}
    assert {fates[place] for place in planted} == {"contaminated"}
    assert "held_out" in fates.values()


def test_a_common_phrase_is_no_leak(leaky: Leaky, shop_rows: dict[str, Any], tmp_path: Path) -> None:
    """Said in more different rows than `common_rows`; the same row again and again is one."""
    said = "这款水壶的壶嘴设计得太短了"
    often = [{"product": "P013", "text": f"第{number}次购买。{said}。", "stars": 5.0} for number in range(8)]
    for most, expected in ((7, 0), (8, 8)):
        recipe = leaky(tmp_path / "shop", {"decontamination.common_rows": most}, reviews=[*shop_rows["reviews"], *often, *often])
        hits = [hit for hit in hits_of(run(recipe, tmp_path / "runs")) if hit["item"] == "bench.jsonl:3"]
        assert len({hit["row"] for hit in hits}) == 2 * expected
    phrases = json.loads((tmp_path / "runs/shop/screen/measures.json").read_text())["common_phrases"]
    assert phrases == {"texts": 0, "examples": []}


def test_a_policy_that_only_reports_leaves_the_rows(leaky: Leaky, tmp_path: Path) -> None:
    folder = run(leaky(tmp_path / "shop", {"decontamination.policy": "report"}), tmp_path / "runs")
    assert hits_of(folder)
    assert all(row["fate"] != "contaminated" for row in rows_of(folder))


def test_bytes_do_not_depend_on_workers_or_folder(
    leaky: Leaky, screened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecomct.stages.screen._WORTH_WORKERS", 0)  # so that a small run spreads
    folder = run(leaky(tmp_path / "other/shop"), tmp_path / "runs", workers=3)
    assert bytes_of(folder, "screen", "links") == bytes_of(screened, "screen", "links")


def test_forgetting_and_other_benchmarks_end_in_the_bytes_of_a_run_from_scratch(leaky: Leaky, tmp_path: Path) -> None:
    recipe = leaky(tmp_path / "shop")
    kept = run(recipe, tmp_path / "kept")
    before = {path.name: path.stat().st_mtime_ns for path in (kept / "screen/candidates").glob("*")}
    recipe.with_suffix(".forget").write_text("products/P001\nP005\n")
    run(recipe, tmp_path / "kept")
    scratch = run(recipe, tmp_path / "scratch")
    assert bytes_of(kept, "screen", "links") == bytes_of(scratch, "screen", "links")
    after = {path.name: path.stat().st_mtime_ns for path in (kept / "screen/candidates").glob("*")}
    assert any(after.get(name) == time for name, time in before.items()), "shards without the products are kept"
    # Fewer items, then none, then all again: no candidate of an earlier run is left.
    bench = recipe.parent / "bench.jsonl"
    whole = bench.read_text()
    for content in (
        "\n".join(whole.splitlines()[2:4]),
        '{"sentence": "Nothing at all is in the shop of this one sentence."}',
        whole,
    ):
        bench.write_text(content)
        run(recipe, tmp_path / "kept")
        shutil.rmtree(tmp_path / "scratch")
        scratch = run(recipe, tmp_path / "scratch")
        assert bytes_of(kept, "screen", "links") == bytes_of(scratch, "screen", "links")
    recipe.with_suffix(".forget").unlink()


def test_tasks_of_the_evaluation_are_always_screened_for(leaky: Leaky, tmp_path: Path, shop_rows: dict[str, Any]) -> None:
    folder = tmp_path / "shop/ZH-Shop-CLS-title_attribute_matching"
    folder.mkdir(parents=True)
    labels = {"en": ["not match", "match"]}
    prompt = {"instruction": "{sentences} {label_set}"}
    meta = {"task": folder.name, "defi": "x", "label_set": labels, "label_key": "en", "test_prompt": prompt}
    (folder / "meta-info.json").write_text(json.dumps(meta))
    title = next(row["title"] for row in shop_rows["products"] if row["id"] == "P015")
    record = {"sentences": f"Title: {title}!, Attritute: 颜色#:#别的", "labels": {"en": ["match"]}}
    (folder / "test.json").write_text(json.dumps(record, ensure_ascii=False))
    settings = {"evaluation.tasks": {"tam": {"path": folder.name, "scorer": "choice"}}, "decontamination": {}}
    rows = rows_of(run(leaky(tmp_path / "shop", settings), tmp_path / "runs"))
    named = {row["row"] for row in rows if "products/P015" in row["keys"]}
    hits = hits_of(tmp_path / "runs/shop")
    assert {hit["row"] for hit in hits} >= named
    assert {(hit["task"], hit["item"], hit["how"]) for hit in hits if hit["row"] in named} == {
        ("evaluation/tam", f"{folder.name}/test.json:1", "title")
    }


def test_a_run_without_benchmarks_reads_no_document(leaky: Leaky, tmp_path: Path) -> None:
    folder = run(leaky(tmp_path / "shop", {"decontamination": {}}), tmp_path / "runs")
    assert hits_of(folder) == []
    assert json.loads((folder / "screen/measures.json").read_text())["tasks"] == {}


@pytest.mark.parametrize(
    ("path", "fault"),
    [("gone.jsonl", "decontamination.benchmarks.planted.path: nothing is at"), ("notes", "has no file of a known format")],
)
def test_a_benchmark_that_is_not_there_stops_before_the_first_stage(leaky: Leaky, tmp_path: Path, path: str, fault: str) -> None:
    (tmp_path / "shop/notes").mkdir(parents=True)
    (tmp_path / "shop/notes/README.md").write_text("x")
    recipe = leaky(tmp_path / "shop", {"decontamination.benchmarks.planted": {"path": path}})
    with pytest.raises(InputError, match=fault):
        run(recipe, tmp_path / "runs")
    assert not (tmp_path / "runs/shop/documents").exists()
