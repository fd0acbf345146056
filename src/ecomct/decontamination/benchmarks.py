"""The benchmarks of a recipe: which files they are and the items in them."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import orjson

from ecomct.decontamination.items import Item, read_benchmark, task_item
from ecomct.decontamination.records import FORMATS
from ecomct.documents.keys import referred_to
from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import read_task
from ecomct.recipe.decontamination import Benchmark
from ecomct.recipe.model import Recipe

_TASK_FILES = ("meta-info.json", "test.json")
# Names that benchmarks number their own records by.
_ANY_ID = frozenset({"id", "key", "index", "idx", "no", "number", "line", "name", "title"})


def benchmark_files(recipe: Recipe) -> dict[str, list[Path]]:
    """Files of each benchmark by its name, `evaluation/` before that of a task; sorted within one.

    Raises InputError for a path that leads nowhere.
    """
    tasks = recipe.evaluation.tasks.items()
    files = {f"evaluation/{name}": [recipe.resolve(task.path) / file for file in _TASK_FILES] for name, task in tasks}
    files |= {f"tuning/{name}": found for name, found in _asked_after_tuning(recipe).items()}
    for name, benchmark in recipe.decontamination.benchmarks.items():
        paths = [benchmark.path] if isinstance(benchmark.path, str) else benchmark.path
        found = [file for path in paths for file in _files(recipe.resolve(path), benchmark, f"decontamination.benchmarks.{name}")]
        files[name] = sorted(set(found))
    return files


def _asked_after_tuning(recipe: Recipe) -> dict[str, list[Path]]:
    """Files of instruction sets that are only asked: held-out sets, and the test of a set that is divided by files."""
    found: dict[str, list[Path]] = {}
    for name, one in recipe.tuning.sets.items() if recipe.tuning is not None else ():
        path = recipe.resolve(one.path)
        if path.is_dir() and (path / "test.json").is_file() and (one.role == "held-out" or (path / "train.json").is_file()):
            found[name] = [path / file for file in _TASK_FILES]
        elif path.is_file() and one.role == "held-out":
            found[name] = [path]
    return found


def read_items(recipe: Recipe) -> Iterator[tuple[str, Iterable[Item]]]:
    """The items of every benchmark, task by task."""
    columns = key_columns(recipe)
    for name, files in benchmark_files(recipe).items():
        setting = recipe.decontamination.benchmarks.get(name)
        form: Literal["jsonl", "ecominstruct"] = "ecominstruct" if files[0].name in _TASK_FILES else "jsonl"
        yield name, _items(files, setting or Benchmark(path="", format=form), columns)


def key_columns(recipe: Recipe) -> frozenset[str]:
    """Columns of the sources that hold keys of products, those left out that any table may have."""
    products = referred_to(recipe)
    columns = {source.primary_key for name, source in recipe.sources.items() if name in products}
    columns |= {reference.field for source in recipe.sources.values() for reference in source.references}
    return frozenset(column for column in columns if column is not None and column.lower() not in _ANY_ID)


def _items(files: list[Path], setting: Benchmark, columns: frozenset[str]) -> Iterator[Item]:
    tasks = {file.parent for file in files if file.name in _TASK_FILES and (file.parent / _TASK_FILES[0]) in files}
    for folder in sorted(tasks):
        task = read_task(folder)
        writes_titles = task.type == "Generate" and "title" in task.name
        for item in task.items:
            yield task_item(f"{folder.name}/test.json:{item.line}", orjson.loads(item.record), writes_titles, columns)
    yield from read_benchmark((file for file in files if file.parent not in tasks), setting, columns)


def _files(path: Path, benchmark: Benchmark, place: str) -> list[Path]:
    """Files that a path of the recipe means: one, those of a glob, or all of a folder whose names tell a format."""
    found = [path] if path.exists() else [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    if not found:
        raise InputError(f"{place}.path: nothing is at {path}; mend the path or leave the benchmark out")
    files = []
    for one in found:
        inside = sorted(file for file in one.rglob("*") if file.is_file()) if one.is_dir() else [one]
        known = [file for file in inside if not one.is_dir() or benchmark.format != "auto" or file.suffix.lower() in FORMATS]
        if not known:
            forms = ", ".join(FORMATS)
            raise InputError(f"{place}.path: {one} has no file of a known format ({forms}); name files and set format")
        files += known
    return files
