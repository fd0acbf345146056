"""The recipe's instruction sets as they lie on disk, each divided into what may be learnt and what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import SCORERS, InstructTask, folder_parts, read_task
from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import InstructionSet
from ecomct.seeded import hash_text
from ecomct.tuning.examples import Example, normalise, read_examples, task_examples

Scorer = Literal["spans", "choice", "rouge"]
_OF_TYPE: dict[str, Scorer] = {"CLS": "choice", "NER": "spans"}


@dataclass(frozen=True)
class LoadedSet:
    """One instruction set: `train` may be learnt, `test` is only asked; `rows` lines held them and `repeats`."""

    name: str
    setting: InstructionSet
    source: Path
    is_folder: bool
    task: str
    dataset: str
    scorer: Scorer
    train: list[Example]
    test: list[Example]
    rows: int
    repeats: int


def set_files(recipe: Recipe, name: str) -> list[Path]:
    """Files of a set: those of a task folder that exist, or the JSONL file. Raises InputError where nothing is there."""
    assert recipe.tuning is not None
    path = recipe.resolve(recipe.tuning.sets[name].path)
    if not path.exists():
        raise InputError(f"tuning.sets.{name}.path: nothing is at {path}; mend the path")
    if path.is_file():
        return [path]
    return [file for file in (path / "meta-info.json", path / "train.json", path / "test.json") if file.is_file()]


def load_set(recipe: Recipe, name: str) -> LoadedSet:
    """Read the set `name` of the recipe and divide it.

    A task folder with train.json is divided as its files are, test.json (if there) being the test. Anything
    else by `test_share` and a seeded hash of the normalised text, so that equal texts fall on one side; a
    held-out set is all test. Raises InputError, with the recipe's path, for whatever cannot be read.
    """
    assert recipe.tuning is not None
    setting, place = recipe.tuning.sets[name], f"tuning.sets.{name}"
    set_files(recipe, name)
    path = recipe.resolve(setting.path)
    try:
        if path.is_file():
            examples, repeats = read_examples(path)
            train, test = _divide(examples, setting, recipe.seed)
            task, dataset, kind, rows = name, name, "rouge", len(examples) + repeats
            scorers: tuple[str, ...] = ("rouge", "choice")
        else:
            train, test, tasks = _read_folder(path, setting, recipe.seed)
            _, dataset, of_type, task = folder_parts(path)
            kind = _OF_TYPE.get(of_type, "rouge")
            rows = sum(one.rows for one in tasks)
            repeats = rows - len(train) - len(test)
            scorers = tuple(scorer for scorer, kinds in SCORERS.items() if of_type in kinds)
    except InputError as error:
        raise InputError(f"{place}.path: {error}") from None
    scorer = kind if setting.scorer == "auto" else setting.scorer
    if scorer not in scorers:
        raise InputError(f"{place}.scorer: {scorer} cannot judge this set; use {' or '.join(scorers)}")
    names = (setting.task or task, setting.dataset or dataset)
    return LoadedSet(name, setting, path, path.is_dir(), *names, scorer, train, test, rows, repeats)  # type: ignore[arg-type]


def _read_folder(path: Path, setting: InstructionSet, seed: int) -> tuple[list[Example], list[Example], list[InstructTask]]:
    if not (path / "train.json").is_file():
        task = read_task(path)
        return *_divide(task_examples(task), setting, seed), [task]
    tasks = [read_task(path, "train.json")]
    train, test = task_examples(tasks[0]), []
    if (path / "test.json").is_file():
        tasks.append(read_task(path))
        test = task_examples(tasks[1])
    return ([], test + train, tasks) if setting.role == "held-out" else (train, test, tasks)


def _divide(examples: list[Example], setting: InstructionSet, seed: int) -> tuple[list[Example], list[Example]]:
    if setting.role == "held-out":
        return [], examples
    bound = setting.test_share * 2**64
    asked = [hash_text(f"tuning test {normalise(example.texts[0])}", seed) < bound for example in examples]
    return (
        [example for example, is_test in zip(examples, asked, strict=True) if not is_test],
        [example for example, is_test in zip(examples, asked, strict=True) if is_test],
    )
