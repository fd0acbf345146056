"""Held-out stays out, and every example is accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from instruction_files import write_lines

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import read_task
from ecomct.recipe.loading import read_recipe
from ecomct.recipe.model import Recipe
from ecomct.tokens.tokenizer import load_tokenizer
from ecomct.tuning.prepare import prepare_tuning
from ecomct.tuning.questions import tuning_tasks

Write = Callable[..., Path]
Make = Callable[..., Recipe]


def texts(out: Path, tokenizer_folder: Path) -> list[str]:
    """Every packed segment as text."""
    tokenizer, _ = load_tokenizer(tokenizer_folder)
    found = []
    for row in datasets.load_from_disk(out / "sequences"):
        bounds = [0, *row["segments"]]
        found += [tokenizer.decode(row["input_ids"][a:b]) for a, b in pairwise(bounds)]
    return found


def account(facts: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = facts["ledger"]["tune"][name]
    parts = found["kept"] + found["duplicates"] + sum(found["rejected"].values()) + sum(found["leftovers"].values())
    assert parts == found["rows_in"]
    return found


@pytest.mark.parametrize(
    ("held_out", "setting", "split", "shared"),
    [
        ("EN-B-CLS-COLOR", {}, "task", "task color"),
        ("EN-A-CLS-shape", {}, "dataset", "dataset A"),
        ("EN-B-CLS-shape", {"task": "color"}, "task", "task color"),
        ("EN-B-CLS-shape", {"dataset": "a"}, "dataset", "dataset A"),
    ],
)
def test_a_held_in_set_of_a_held_out_task_is_refused(
    write_task: Write,
    make_recipe: Make,
    tokenizer_folder: Path,
    tmp_path: Path,
    held_out: str,
    setting: dict[str, str],
    split: str,
    shared: str,
) -> None:
    rows = [("x", "a"), ("y", "b")]
    write_task("ZH-A-CLS-color", train=rows)
    write_task(held_out, test=rows)
    sets: dict[str, Any] = {"in": {"path": str(tmp_path / "ZH-A-CLS-color")}}
    sets["out"] = {"path": str(tmp_path / held_out), "role": "held-out", **setting}
    recipe = make_recipe(sets, split=split)
    with pytest.raises(InputError, match=f"tuning.sets.in: is held-in and has the {shared} of out, which is held-out"):
        prepare_tuning(recipe, tokenizer_folder, tmp_path / "out")


def test_under_split_task_a_data_set_may_be_shared(
    write_task: Write, make_recipe: Make, tokenizer_folder: Path, tmp_path: Path
) -> None:
    write_task("ZH-A-CLS-color", train=[(f"x{n}", "ab"[n % 2]) for n in range(40)])
    write_task("ZH-A-CLS-shape", test=[("y", "a"), ("z", "b")])
    sets: dict[str, Any] = {"in": {"path": str(tmp_path / "ZH-A-CLS-color")}}
    sets["out"] = {"path": str(tmp_path / "ZH-A-CLS-shape"), "role": "held-out"}
    facts = prepare_tuning(make_recipe(sets), tokenizer_folder, tmp_path / "out")
    assert account(facts, "out") == {"rows_in": 2, "kept": 0, "rejected": {}, "duplicates": 0, "leftovers": {"held_out": 2}}
    assert not any("\ny\n" in text or "\nz\n" in text for text in texts(tmp_path / "out", tokenizer_folder))


def test_items_that_are_asked_anywhere_are_left_out_and_counted(
    write_task: Write, make_recipe: Make, tokenizer_folder: Path, tmp_path: Path
) -> None:
    """Equal up to width, case and white space; also as a line of a free prompt."""
    asked = write_task("ZH-E-CLS-match", test=[("ＡＢＣ 青瓷茶杯", "a"), ("other", "b")])
    write_task("ZH-O-Generate-title", test=[("held out item", "answer")])
    own = [(f"own {n}", "red") for n in range(30)]
    write_task(
        "ZH-A-Generate-name",
        train=[*own, ("abc青瓷茶杯", "x"), ("Held  out ITEM", "y"), ("tested", "z"), ("own 1", "again")],
        test=[("Tested", "z")],
    )
    free = [{"prompt": "Title:\nheld out item\nAnswer:", "completion": "no"}, {"prompt": "Which?", "completion": "this"}]
    sets = {
        "in": {"path": str(tmp_path / "ZH-A-Generate-name")},
        "out": {"path": str(tmp_path / "ZH-O-Generate-title"), "role": "held-out"},
        "free": {"path": str(write_lines(tmp_path / "free.jsonl", free)), "test_share": 0},
    }
    recipe = make_recipe(sets, {"e": {"path": str(asked), "scorer": "choice"}})
    facts = prepare_tuning(recipe, tokenizer_folder, tmp_path / "out")
    assert account(facts, "in") == {
        "rows_in": 35,
        "kept": 30,
        "rejected": {"equals_evaluation_item": 1, "equals_held_out_item": 1, "equals_test_item": 1},
        "duplicates": 1,
        "leftovers": {"kept_for_testing": 1},
    }
    assert account(facts, "free")["rejected"] == {"equals_held_out_item": 1}
    for text in texts(tmp_path / "out", tokenizer_folder):
        assert not any(name in text.casefold().replace(" ", "") for name in ("青瓷", "heldout", "tested"))


def test_equal_texts_fall_on_one_side_and_the_share_is_kept(make_recipe: Make, tokenizer_folder: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n // 2}" + " " * (n % 2), "completion": f"{n % 3}"} for n in range(600)]
    path = write_lines(tmp_path / "qa.jsonl", rows)
    recipe = make_recipe({"qa": {"path": str(path), "test_share": 0.25, "scorer": "choice", "limit": 100}})
    facts = prepare_tuning(recipe, tokenizer_folder, tmp_path / "out")
    found = account(facts, "qa")
    assert found["kept"] == 100
    assert 100 < found["leftovers"]["kept_for_testing"] < 200
    assert found["leftovers"]["over_limit"] == 600 - 100 - found["leftovers"]["kept_for_testing"]
    task = read_task(Path(tuning_tasks(recipe, tmp_path / "out")["qa"].path))
    assert task.type == "CLS"
    assert task.labels == ("0", "1", "2")
    asked = {item.prompt.strip() for item in task.items}
    assert not any(text.strip()[:-1].strip() in asked for text in texts(tmp_path / "out", tokenizer_folder))
    assert json.loads(task.items[0].record)["sentences"] == task.items[0].prompt  # asked as it is, no header


def test_conversations_about_different_things_are_different(make_recipe: Make, tokenizer_folder: Path, tmp_path: Path) -> None:
    """The same questions about another product: some are asked, and none of the others is taken for one of them."""
    rows = [
        [("system", f"Product {n}"), ("user", "What color?"), ("assistant", "red"), ("user", "Sure?"), ("assistant", "yes")]
        for n in range(60)
    ]
    lines = [{"messages": [{"role": role, "content": content} for role, content in row]} for row in rows]
    path = write_lines(tmp_path / "talk.jsonl", lines)
    facts = prepare_tuning(
        make_recipe({"talk": {"path": str(path), "test_share": 0.3}}, length=256), tokenizer_folder, tmp_path / "out"
    )
    found = account(facts, "talk")
    assert found["rejected"] == {}
    assert 5 < found["leftovers"]["kept_for_testing"] < 35
    assert found["kept"] == 60 - found["leftovers"]["kept_for_testing"]


def test_beyond_max_steps_and_too_long_are_counted(make_recipe: Make, tokenizer_folder: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n}", "completion": "x" * 30} for n in range(40)]
    rows += [{"prompt": "p", "completion": "y" * 500}]
    path = write_lines(tmp_path / "qa.jsonl", rows)
    recipe = make_recipe({"qa": {"path": str(path), "test_share": 0}}, max_steps=2, epochs=1)
    facts = prepare_tuning(recipe, tokenizer_folder, tmp_path / "out")
    found = account(facts, "qa")
    assert facts["steps"] == 2
    assert found["rejected"] == {"too_long": 1}
    assert found["leftovers"]["beyond_max_steps"] + found["kept"] == 40
    assert 0 < found["kept"] < 40


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.text("ab \n", min_size=1, max_size=12), st.sampled_from("xyz")), min_size=8, max_size=30),
    share=st.sampled_from([0.0, 0.3, 0.9]),
    limit=st.none() | st.integers(1, 6),
)
def test_the_account_closes_whatever_the_data(
    make_recipe: Make,
    tokenizer_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    share: float,
    limit: int | None,
) -> None:
    tmp_path = tmp_path_factory.mktemp("any")
    lines = [{"prompt": f"p{prompt}", "completion": answer} for prompt, answer in rows]
    path = write_lines(tmp_path / "qa.jsonl", lines)
    recipe = make_recipe({"qa": {"path": str(path), "test_share": share, "limit": limit}}, batch_size=1, length=16)
    try:
        facts = prepare_tuning(recipe, tokenizer_folder, tmp_path / "out")
    except InputError as error:
        assert "no example is left" in str(error)  # noqa: PT017
        return
    found = account(facts, "qa")
    assert found["rows_in"] == len(rows)
    assert len(texts(tmp_path / "out", tokenizer_folder)) == recipe.tuning.epochs * found["kept"]  # type: ignore[union-attr]


def test_faults_of_the_recipe_are_one_line_each(shop: Callable[..., Path]) -> None:
    sets = {"a": {"path": "none.jsonl"}}
    _, problems = read_recipe(
        shop(
            {
                "tuning": {"sets": sets, "models": ["base", "mixed"], "batch_size": 6, "method": "lora"},
                "training.arms": ["separate"],
                "training.parallel": {"strategy": "fsdp", "processes": 4},
            }
        )
    )
    assert problems == [
        "tuning.models[1]: the recipe trains no arm mixed; add it to training.arms or leave it out",
        "tuning.batch_size: (6) is not a multiple of micro_batch_size x training.parallel.processes (1 x 4)",
        "tuning.method: lora has nothing for fsdp to share; set parallel.strategy: ddp, or method: full",
    ]
