"""Documents against the benchmarks: rows that must not be trained on. Nothing is removed here; links give them their fate."""

from __future__ import annotations

import shutil
from typing import Any

import pyarrow.parquet as pq

from ecomct.atomic import write_json
from ecomct.decontamination.benchmarks import benchmark_files, key_columns, read_items
from ecomct.decontamination.hits import write_hits
from ecomct.decontamination.index import build
from ecomct.decontamination.needles import collect
from ecomct.decontamination.screen import ScreenTask, screen_shard
from ecomct.documents.keys import referred_to
from ecomct.engine import map_units
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs, outputs_digest
from ecomct.units import key_of

_MODULES = ("documents/schema", "documents/clean", "evaluation/ecominstruct", "seeded")
# Bytes of text that one process screens while two start.
_WORTH_WORKERS = 16 << 20


def stage(run: RunFolder) -> Stage:
    """Determined by the documents, the benchmarks' bytes and names, and the thresholds."""
    recipe = run.recipe
    files = {}
    for name, paths in benchmark_files(recipe).items():
        digests = run.input_digests(paths)
        files[name] = [[f"{path.parent.name}/{path.name}", digests[str(path)]] for path in paths]
    setting = recipe.decontamination
    benchmarks = {name: benchmark.model_dump(exclude={"path"}) for name, benchmark in setting.benchmarks.items()}
    inputs = {
        "documents": outputs_digest(run.documents, ["shards/"]),
        "files": files,
        "benchmarks": benchmarks,
        "thresholds": setting.model_dump(exclude={"benchmarks", "policy"}),
        "products": referred_to(recipe),
        "titles": run.titles,
        "key_columns": sorted(key_columns(recipe)),
        "code": code_digest("stages/screen", "decontamination", *_MODULES),
    }
    return Stage("screen", run.screen, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Look every shard up in the index of the items, then judge the candidates of all of them together."""
    setting, facts = run.recipe.decontamination, run.facts(run.documents)
    needles = collect(read_items(run.recipe), referred_to(run.recipe))
    index = build(needles, setting)
    # Workers map the index from disk; it belongs to this run alone and goes with the stage's working state.
    folder = stage.folder / ".stage" / "index"
    shutil.rmtree(folder, ignore_errors=True)
    index.save(folder)
    digests = outputs(run.documents)
    base = {name: value for name, value in stage.inputs.items() if name != "documents"}
    keys = {name: key_of(base, name, digests[f"shards/{name}.parquet"]) for name in run.shards}
    sources = {name: _source(run, name) for name in run.shards}
    # Without a benchmark there is nothing to look for.
    known = {name: stage.unit(name, keys[name]) if needles.texts else None for name in run.shards}
    todo = [name for name in run.shards if known[name] is None] if needles.texts else []
    titles = {name: run.titles[run.sources.index(source)] for name, source in sources.items()}
    tasks = [(ScreenTask(folder, run.documents, stage.folder, titles[name], setting.common_rows), name) for name in todo]
    workers = run.workers if facts["text_bytes"] > _WORTH_WORKERS else 1
    for name, made in zip(todo, track(map_units(_screen, tasks, workers), "screen", len(todo)), strict=True):
        stage.finish_unit(name, made, keys[name], [f"candidates/{name}.parquet"] if made["candidates"] else [])
        known[name] = made
    found_in = {name for name, made in known.items() if made and made["candidates"]}
    measures = write_hits(list(sources.items()), run.documents, stage.folder, found_in, needles, index, setting.common_rows)
    write_json(stage.folder / "measures.json", measures)
    return {"measures": measures, "texts": len(needles.texts)}


def _screen(work: tuple[ScreenTask, str]) -> dict[str, Any]:
    return screen_shard(*work)


def _source(run: RunFolder, name: str) -> str:
    """Source of a shard, which its rows' numbers begin with."""
    first = pq.read_metadata(run.documents / "shards" / f"{name}.parquet").row_group(0).column(0).statistics.min
    return run.sources[int(first) >> 52]


def table(run: RunFolder) -> list[list[str]]:
    """Rows that hold an item, by benchmark and source."""
    measures = run.facts(run.screen)["measures"]
    rows = [["benchmark", "items", "found", "source", "rows", "by"]]
    for task, facts in measures["tasks"].items():
        first = [task, f"{facts['items']:,}", f"{facts['items_found']:,}"]
        for source, found in facts["sources"].items():
            by = ", ".join(f"{how} {count:,}" for how, count in sorted(found["how"].items()))
            rows.append([*first, source, f"{found['rows']:,}", by])
            first = ["", "", ""]
        if not facts["sources"]:
            rows.append([*first, "", "", ""])
    if not measures["tasks"]:
        rows.append(["none", "", "", "", "", ""])
    return rows
