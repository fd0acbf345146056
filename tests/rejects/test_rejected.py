"""`ecomct rejected`: what was taken out is counted, drawn by seed, and shown as text whatever it holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.documents.schema import REJECTED
from ecomct.errors import InputError
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.rejects.draw import count, draw
from ecomct.rejects.read import read_rows
from ecomct.rejects.show import as_json, plain

# What a terminal acts on.
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "[red]not red[/] \x1b[2J\x07\x9b31m \u202ereversed\u2069 \x00 [link=file:///]x[/link]"


@pytest.fixture(scope="module")
def made(
    shop_at: Callable[..., Path], shop_rows: dict[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Recipe and linked run of a shop with rows of every fate."""
    home = tmp_path_factory.mktemp("rejected")
    (home / "shop").mkdir()
    (home / "shop/bench.jsonl").write_text('{"sentence": "A sentence of the test set is in a review."}')
    reviews = [
        *shop_rows["reviews"],
        *({"product": "P001", "text": "", "note": f"{HOSTILE} {number}", "stars": 1.0} for number in range(30)),
        {"product": "P003", "text": HOSTILE, "stars": 1.0},
        {"product": "P005", "text": HOSTILE, "stars": 1.0},
        {"product": "P007", "text": "A sentence of the test set is in a review!", "stars": 1.0},
    ]
    settings = {"decontamination.benchmarks.tests": {"path": "bench.jsonl"}, "sources.reviews.max_rejected": 0.9}
    recipe = shop_at(home / "shop", settings, {"reviews": reviews})
    with open(home / "shop/qa.jsonl", "a") as file:
        file.write('{"product": "P001", "torn\n')
    run_recipe(load_recipe(recipe), home / "runs", "link")
    return recipe, home / "runs/shop"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecomct", "rejected", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_counts_are_those_of_the_artefacts(made: tuple[Path, Path]) -> None:
    _, run = made
    expected = Counter(
        (row["source"], row["reason"])
        for path in (run / "documents/rejected").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    )
    expected.update({("reviews", "duplicate"): 1, ("reviews", "contaminated"): 1})
    assert count(run) == expected
    assert expected["reviews", "empty_text"] == 30
    assert list(count(run)) == [
        ("reviews", "empty_text"),
        ("reviews", "contaminated"),
        ("reviews", "duplicate"),
        ("qa", "malformed_json"),
    ]


def test_a_draw_depends_on_the_seed_and_sees_every_rule(made: tuple[Path, Path]) -> None:
    _, run = made
    drawn = draw(run, 6, 1)
    assert drawn == draw(run, 6, 1)
    assert drawn.rows != draw(run, 6, 2).rows
    assert draw(run, 3, 1, "empty_text").rows == draw(run, 9, 1, "empty_text").rows[:3]
    rows = read_rows(run, drawn.rows)
    assert [one.row for one in rows] == drawn.rows
    assert {one.rule for one in rows} == {"empty_text", "duplicate", "contaminated", "malformed_json"}
    assert sorted(draw(run, 1000, 3).rows) == sorted(set(draw(run, 1000, 4).rows))
    assert len(draw(run, 1000, 3).rows) == sum(count(run).values())
    assert draw(run, 5, 1, source="qa").counts == {("qa", "malformed_json"): 1}


def test_what_a_row_repeats_or_holds_is_shown_with_it(made: tuple[Path, Path]) -> None:
    _, run = made
    [repeat] = read_rows(run, draw(run, 5, 1, "duplicate").rows)
    assert (repeat.file, repeat.line, repeat.repeats) == ("reviews.jsonl", 122, "reviews reviews.jsonl:121")
    assert repeat.repeated_text == repeat.text
    [leak] = read_rows(run, draw(run, 5, 1, "contaminated").rows)
    assert (leak.line, leak.repeats, leak.detail, leak.value) == (123, "tests bench.jsonl:1", "by exact", 1.0)
    assert leak.repeated_text == "A sentence of the test set is in a review"


def test_kept_rows_are_those_that_nothing_took_out(made: tuple[Path, Path]) -> None:
    _, run = made
    drawn = draw(run, 1000, 5, kept=True)
    assert {rule for _, rule in drawn.counts} == {"kept"}
    out = set(draw(run, 1000, 5).rows)
    assert out.isdisjoint(drawn.rows)
    manifest = json.loads((run / "documents/manifest.json").read_text())["facts"]["ledger"]["ingest"]
    assert len(out) + len(drawn.rows) == sum(account["rows_in"] for account in manifest.values())
    assert {one.rule for one in read_rows(run, drawn.rows)} == {"kept"}


def test_rules_values_and_thresholds_are_shown(made: tuple[Path, Path], tmp_path: Path) -> None:
    """A row that a rule took out goes by the rule's name, not by its reason."""
    _, run = made
    folder = tmp_path / "run/documents"
    (folder / "rejected").mkdir(parents=True)
    (folder / "manifest.json").write_text((run / "documents/manifest.json").read_text())
    row = {"source": "reviews", "file": "reviews.jsonl", "line": 7, "reason": "rule", "detail": "d", "rule": "symbol_share"}
    table = pa.Table.from_pylist([row | {"value": 0.625, "threshold": 0.5, "raw": "!!??", "keys": []}], schema=REJECTED)
    pq.write_table(table, folder / "rejected/0002-reviews-000000-0000000001.parquet")
    done = command(tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "symbol_share  reviews.jsonl:7  0.625, threshold 0.5" in done.stdout
    assert count(tmp_path / "run") == {("reviews", "symbol_share"): 1}


def test_the_command_prints_hostile_text_as_text(made: tuple[Path, Path]) -> None:
    recipe, run = made
    done = command(run, "--sample", 50)
    assert done.returncode == 0, done.stderr
    assert "[red]not red[/]" in done.stdout
    assert all(character.isprintable() or character == "\n" for character in done.stdout)
    assert done.stdout == command(recipe, "--sample", 50, "--runs", run.parent).stdout, "a run or its recipe"
    given_as_json = command(run, "--sample", 50, "--json")
    assert not OBEYED.search(given_as_json.stdout)
    parsed = json.loads(given_as_json.stdout)
    assert any("\x9b" in one["text"] and "\u202e" in one["text"] for one in parsed["sample"])
    assert {(one["source"], one["rule"]): one["rows"] for one in parsed["counts"]} == count(run)
    assert "no key" not in command(run, "--kept", "--sample", 3).stdout


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["--rule", "nope"],
            "error: --rule nope: took out no row of this run; contaminated, duplicate, empty_text, malformed_json did",
        ),
        (
            ["--source", "[red]"],
            "error: --source [red]: the run has products, facts, reviews, qa, articles, general_en, general_zh",
        ),
        (["--kept", "--rule", "duplicate"], "error: --rule: no rule takes out what is kept; leave one of --rule and --kept out"),
    ],
)
def test_faults_are_one_line_and_exit_with_two(made: tuple[Path, Path], arguments: list[str], fault: str) -> None:
    done = command(made[1], *arguments)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (2, "", fault)


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    done = command(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}: no documents of a finished ingest")
    with pytest.raises(InputError):
        count(tmp_path)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_printed_on_one_printable_line(text: str) -> None:
    assert plain(text).isprintable()


@settings(deadline=None)
@given(st.text(max_size=30))
def test_json_gives_back_any_text(text: str) -> None:
    from ecomct.rejects.draw import Taken
    from ecomct.rejects.read import Removed

    row = Removed(1, "s", text, 1, "r", text, None, None, text)
    written = as_json(Taken({("s", "r"): 1}, [1]), {"s": 2}, [row])
    [read] = json.loads(written)["sample"]
    assert (read["text"], read["file"]) == (text, text)
    assert not OBEYED.search(written)
