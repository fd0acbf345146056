"""Test items of instruction sets as task folders, so that the evaluation asks them like any other task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecomct.atomic import write_atomic, write_json
from ecomct.recipe.model import Recipe, Task
from ecomct.tuning.sets import LoadedSet

_META = "meta-info.json"


def write_questions(one: LoadedSet, folder: Path) -> Path | None:
    """Write the test items of a set to a task folder under `folder`; return it, None where there are none.

    A set in EcomInstruct form keeps its name, its meta-info.json and its lines. JSON lines become a task of type
    Generate, or CLS over all their completions where the scorer is choice; the prompt is asked as it is, and of a
    conversation the last assistant turn is the answer.
    """
    if not one.test:
        return None
    if one.is_folder:
        target = folder / one.source.name
        write_atomic(target / _META, (one.source / _META).read_bytes())
        write_atomic(target / "test.json", "".join(f"{example.record}\n" for example in one.test))
        return target
    kind = "CLS" if one.scorer == "choice" else "Generate"
    target = folder / f"XX-{one.name.replace('-', '_')}-{kind}-{one.task}"
    labels = sorted({example.turns[-1].text for example in (*one.train, *one.test)})
    meta: dict[str, Any] = {
        "task": one.task,
        "defi": one.task,
        "header": "",
        "label_sep": "\n",
        "test_prompt": {"instruction": "{sentences}"},
    }
    if kind == "CLS":
        meta |= {"label_key": "completion", "label_set": {"completion": labels}}
    rows = []
    for example in one.test:
        # Earlier answers of the assistant are part of the question.
        asked, answer = "".join(turn.text for turn in example.turns[:-1]), example.turns[-1].text
        found = {"labels": {"completion": [answer]}} if kind == "CLS" else {"spans": [{"term": answer}]}
        rows.append(json.dumps({"sentences": asked, **found}, ensure_ascii=False) + "\n")
    write_json(target / _META, meta)
    write_atomic(target / "test.json", "".join(rows))
    return target


def tuning_tasks(recipe: Recipe, data: Path) -> dict[str, Task]:
    """Tasks by the set's name, from the questions that `write_questions` left under `data`/tests/NAME."""
    tasks: dict[str, Task] = {}
    for name, setting in (recipe.tuning.sets if recipe.tuning is not None else {}).items():
        # Absolute: the run's folder is named from where the program was started, paths of a recipe from the recipe.
        for meta in sorted((data.absolute() / "tests" / name).glob(f"*/{_META}")):
            scorer = setting.scorer
            if scorer == "auto":
                kind = meta.parent.name.split("-", 3)[2]
                scorer = "choice" if kind == "CLS" else "spans" if kind == "NER" else "rouge"
            tasks[name] = Task(path=str(meta.parent), scorer=scorer, max_new_tokens=setting.max_new_tokens)
    return tasks
