"""A stage folder: done, continued, or started anew."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecomct.atomic import write_atomic
from ecomct.ledger import Account, total
from ecomct.stage import Stage, outputs_digest, read_manifest


def make(folder: Path, **inputs: object) -> Stage:
    return Stage("test", folder, inputs)


def complete(stage: Stage, text: str = "x") -> None:
    stage.open()
    write_atomic(stage.folder / "data/a.txt", text)
    stage.close({"rows": 1})


def test_done_only_with_the_same_inputs_and_whole_outputs(tmp_path: Path) -> None:
    stage = make(tmp_path / "s", seed=1)
    assert stage.done() is None
    complete(stage)
    assert stage.done() is not None
    assert make(tmp_path / "s", seed=2).done() is None
    (tmp_path / "s/data/a.txt").write_text("longer")
    assert stage.done() is None
    (tmp_path / "s/data/a.txt").unlink()
    assert stage.done() is None


def test_units_survive_an_interruption_and_nothing_else_does(tmp_path: Path) -> None:
    stage = make(tmp_path / "s", seed=1)
    stage.open()
    write_atomic(tmp_path / "s/data/a.txt", "x")
    stage.finish_unit("a", {"rows": 3})
    again = make(tmp_path / "s", seed=1)
    again.open()
    assert again.unit("a") == {"rows": 3}
    other = make(tmp_path / "s", seed=2)
    other.open()
    assert other.unit("a") is None
    assert not (tmp_path / "s/data/a.txt").exists(), "outputs of other inputs are cleared"


def build(folder: Path, wanted: dict[str, str], **inputs: object) -> tuple[list[str], dict[str, bytes]]:
    """Make a stage of one file a unit, each from its own text; return the units that were made, and all files."""
    stage, made = make(folder, units=wanted, **inputs), []
    stage.open()
    for name, text in wanted.items():
        if stage.unit(name, text) is None:
            write_atomic(folder / f"data/{name}.txt", text)
            stage.finish_unit(name, {"text": text}, text, [f"data/{name}.txt"])
            made.append(name)
    write_atomic(folder / "sum.txt", "".join(wanted.values()))
    stage.close({"units": len(wanted)})
    return made, {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_changed_stage_keeps_the_units_whose_own_inputs_did_not_change(tmp_path: Path) -> None:
    assert build(tmp_path / "s", {"a": "1", "b": "2", "c": "3"})[0] == ["a", "b", "c"]
    made, files = build(tmp_path / "s", {"a": "1", "b": "4", "d": "5"})
    assert made == ["b", "d"]
    assert files == build(tmp_path / "scratch", {"a": "1", "b": "4", "d": "5"})[1], "c.txt is gone, all else as from scratch"
    (tmp_path / "s/data/a.txt").write_text("9")
    made, files = build(tmp_path / "s", {"a": "1", "b": "4"})
    assert made == ["a"], "a file of the same size with other bytes is not trusted"
    assert files == build(tmp_path / "other", {"a": "1", "b": "4"})[1]


def test_a_kill_at_any_write_of_a_changed_stage_ends_in_the_bytes_of_a_run_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies before the n-th change of the file system, for every n, then runs again with the same or a third recipe."""
    first, second = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4", "d": "5"}
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # only time: nothing here loses power
    expected = {str(wanted): build(tmp_path / f"calm{n}", wanted)[1] for n, wanted in enumerate((first, second))}
    kills = 0
    for number in itertools.count():
        folder = tmp_path / f"{number}"
        build(folder, first)
        left = [number]
        with monkeypatch.context() as patch:
            for owner, name in (
                (os, "replace"),
                (os, "unlink"),
                (os, "rmdir"),
                (Path, "unlink"),
                (Path, "mkdir"),
                (Path, "rmdir"),
            ):
                patch.setattr(owner, name, dying(getattr(owner, name), left))
            try:
                build(folder, second)
                killed = False
            except Killed:
                killed = True
        kills += killed
        for wanted in (first, second) if number % 2 else (second, first, second):
            again = make(folder, units=wanted)
            if again.done() is None:
                build(folder, wanted)
            else:
                again.tidy()
            found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            assert found == expected[str(wanted)], (number, wanted)
        if not killed:
            break
    assert kills > 15


class Killed(BaseException):
    """A process that is gone."""


def dying(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    """`function`, which from the n-th call on never comes to be called."""

    def call(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return function(*arguments, **named)

    return call


def test_a_torn_manifest_counts_as_none(tmp_path: Path) -> None:
    stage = make(tmp_path / "s", seed=1)
    complete(stage)
    manifest = tmp_path / "s/manifest.json"
    manifest.write_text(manifest.read_text()[:20])
    assert stage.done() is None
    assert read_manifest(tmp_path / "s") is None


def test_hidden_leftovers_of_killed_writers_are_no_outputs(tmp_path: Path) -> None:
    stage = make(tmp_path / "s", seed=1)
    stage.open()
    write_atomic(tmp_path / "s/a.txt", "x")
    (tmp_path / "s/.a.txt.123.tmp").write_text("half")
    manifest = stage.close({})
    assert list(manifest["outputs"]) == ["a.txt"]
    assert [path.name for path in sorted((tmp_path / "s").iterdir())] == ["a.txt", "manifest.json"]


def test_later_stages_depend_on_bytes_not_on_how_they_came_about(tmp_path: Path) -> None:
    complete(make(tmp_path / "a", seed=1), "same")
    complete(make(tmp_path / "b", seed=2), "same")
    complete(make(tmp_path / "c", seed=2), "other")
    assert outputs_digest(tmp_path / "a") == outputs_digest(tmp_path / "b") != outputs_digest(tmp_path / "c")
    assert outputs_digest(tmp_path / "a", ["nothing/"]) == outputs_digest(tmp_path / "c", ["nothing/"])


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    from ecomct.atomic import atomic_path

    write_atomic(tmp_path / "a", "old")
    try:
        with atomic_path(tmp_path / "a") as path:
            path.write_text("half")
            raise RuntimeError
    except RuntimeError:
        pass
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_ledger_sums_and_closes() -> None:
    units = [
        {"a": {"rows_in": 3, "kept": 1, "rejected": {"x": 2}}},
        {"a": {"rows_in": 2, "duplicates": 1, "leftovers": {"y": 1}}},
    ]
    facts = total(units, ["a", "b"])
    assert facts == {"a": {"rows_in": 5, "kept": 1, "rejected": {"x": 2}, "duplicates": 1, "leftovers": {"y": 1}}}
    assert json.dumps(facts)
    assert not Account(rows_in=2, kept=1).closes
