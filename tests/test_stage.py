"""A stage folder: done, continued, or started anew."""

from __future__ import annotations

import json
from pathlib import Path

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
