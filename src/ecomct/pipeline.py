"""The way of the data: stages in order, run where their inputs changed, skipped where not."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from ecomct.atomic import write_json
from ecomct.check import file_problems
from ecomct.errors import InputError
from ecomct.progress import console, out, show
from ecomct.recipe.model import Arm, Recipe
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, read_manifest
from ecomct.stages import duplicates, evaluate, ingest, link, mix, pack, report, screen, survey, tokenize, train

STAGES = ("survey", "ingest", "duplicates", "screen", "link", "tokenize", "mix", "pack", "train", "evaluate", "report")


@dataclass(frozen=True)
class Step:
    """A stage as the pipeline sees it."""

    name: str
    stage: Callable[[], Stage]
    work: Callable[[Stage], dict[str, Any]]
    table: Callable[[], list[list[str]]] | None


def steps(run: RunFolder, until: str) -> Iterator[Step]:
    """The steps of a run in order, up to and including stage `until`."""
    modules = {
        "survey": survey,
        "ingest": ingest,
        "duplicates": duplicates,
        "screen": screen,
        "link": link,
        "tokenize": tokenize,
        "mix": mix,
        "pack": pack,
        "evaluate": evaluate,
        "report": report,
    }
    for name in STAGES[: STAGES.index(until) + 1]:
        if name == "train":
            yield Step("base", partial(train.base_stage, run), partial(train.base_work, run), None)
            for arm in run.arms:
                stage, work = partial(train.stage, run, arm), partial(train.work, run, arm=arm)
                yield Step(f"train {arm}", stage, work, partial(train.table, run, arm))
        else:
            module = modules[name]
            yield Step(name, partial(module.stage, run), partial(module.work, run), partial(module.table, run))


def run_recipe(recipe: Recipe, runs: Path, until: str = STAGES[-1], arms: list[Arm] | None = None, workers: int = 1) -> RunFolder:
    """Run a recipe up to a stage; stages whose manifest matches are not run again.

    Guarantees: a killed run, run again, ends in the bytes of an undisturbed one; bytes do not depend on
    `workers`; the ledger closes at every stage. Raises InputError for anything wrong with the input.
    """
    for arm in arms or []:
        if arm not in recipe.training.arms:
            raise InputError(f"--arm {arm}: the recipe trains {', '.join(recipe.training.arms)}")
    chosen = tuple(arm for arm in recipe.training.arms if not arms or arm in arms)
    run = RunFolder(recipe, runs / recipe.name, workers, chosen)
    try:
        if train.followed():
            return run
        run.folder.mkdir(parents=True, exist_ok=True)
        with _alone(run.folder), train.leading():
            for stray in run.folder.glob(".*.tmp"):  # of a run that was killed; nobody writes here now
                stray.unlink()
            checked = False
            for step in steps(run, until):
                stage = step.stage()
                if stage.done() is not None:
                    stage.tidy()
                    out.print(f"[bold]{step.name}[/]: up to date", highlight=False)
                    continue
                if not checked:
                    _check_files(recipe, until)
                    checked = True
                _run_step(run, step, stage)
            # Again, for a run that was killed between a stage's manifest and the ledger.
            _write_ledger(run)
    except MemoryError as error:
        raise InputError("out of memory; run again to continue, with fewer --workers or more memory") from error
    except OSError as error:
        # Full disks and missing rights are the machine's input, and every stage can be continued.
        raise InputError(
            f"{error.filename or run.folder}: {error.strerror or error}; mend it and run again to continue"
        ) from error
    return run


def _check_files(recipe: Recipe, until: str) -> None:
    """Find before the first stage what would otherwise stop the last one."""
    last = STAGES.index(until)
    problems = file_problems(recipe, last >= STAGES.index("train"), last >= STAGES.index("screen"))
    if problems:
        raise InputError(problems[0])


def _run_step(run: RunFolder, step: Step, stage: Stage) -> None:
    """Run one step and show what came of it."""
    if changed := stage.changed():
        out.print(f"[bold]{step.name}[/]: made again, {', '.join(changed)} changed", highlight=False)
    if not console.is_terminal:
        console.print(f"[bold]{step.name}[/] ...", highlight=False)
    with _Watch() as watch:
        stage.open()
        facts = step.work(stage)
        kept, units = stage.reused()
        stage.close(facts)
    _write_ledger(run)
    _write_timing(run, step.name, watch)
    reused = f", {kept} of {units} units kept" if kept else ""
    out.print(f"[bold]{step.name}[/]: {watch.seconds:.1f} s, {watch.peak >> 20:,} MiB at the peak{reused}", highlight=False)
    if step.table is not None:
        show(step.table())


def _write_ledger(run: RunFolder) -> None:
    """Merge the accounts of all finished stages into ledger.json."""
    stages: dict[str, Any] = {}
    for folder in (run.documents, run.links, run.mixture, run.sequences):
        if manifest := read_manifest(folder):
            stages |= manifest["facts"]["ledger"]
    write_json(run.folder / "ledger.json", {"stages": stages})


def _write_timing(run: RunFolder, name: str, watch: _Watch) -> None:
    """Append to timings.jsonl, the one artefact that differs from run to run."""
    with open(run.folder / "timings.jsonl", "a", encoding="utf-8") as file:
        facts = {"stage": name, "seconds": round(watch.seconds, 2), "peak_mib": watch.peak >> 20, "workers": run.workers}
        file.write(json.dumps(facts) + "\n")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the run's lock; the system drops it with the process, however that ends."""
    with open(folder / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{folder}: another ecomct is running this recipe; wait for it or stop it") from error
        yield


class _Watch:
    """Wall time and peak memory of this process and its workers."""

    def __enter__(self) -> _Watch:
        self.peak, self._stop, self._begin = 0, threading.Event(), time.monotonic()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._begin
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        me = psutil.Process(os.getpid())
        while True:
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)
            if self._stop.wait(0.1):
                return
