"""Held-in and held-out kept apart: by task, and item by item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import read_task
from ecomct.recipe.model import Recipe
from ecomct.tuning.examples import Example, normalise
from ecomct.tuning.sets import LoadedSet

# Why an example is left out, from the strongest reason.
EVALUATION, HELD_OUT, TEST = "equals_evaluation_item", "equals_held_out_item", "equals_test_item"


def require_split(sets: Sequence[LoadedSet], split: Literal["task", "dataset"]) -> None:
    """Refuse a held-in set that is the task of a held-out one, or under `split: dataset` of its data set.

    Names are compared without regard to case. Raises InputError that names both sets.
    """
    held_out = [one for one in sets if one.setting.role == "held-out"]
    for one in sets:
        if one.setting.role == "held-out":
            continue
        for other in held_out:
            shared = next((kind for kind in ("task", "dataset") if _same(one, other, kind) and kind in ("task", split)), None)
            if shared is not None or one.source == other.source:
                what = f"{shared} {getattr(one, shared)}" if shared else "files"
                raise InputError(
                    f"tuning.sets.{one.name}: is held-in and has the {what} of {other.name}, which is held-out; "
                    "make both held-out, leave one out, or name their tasks apart with task: and dataset:"
                )


def _same(one: LoadedSet, other: LoadedSet, kind: str) -> bool:
    return str(getattr(one, kind)).casefold() == str(getattr(other, kind)).casefold()


def blocked_texts(recipe: Recipe, sets: Iterable[LoadedSet]) -> dict[str, str]:
    """Return the normalised texts and prompts of all that is ever asked, each with the reason to leave out an equal example.

    These are the items of `evaluation.tasks`, of held-out sets, and of the test parts of held-in sets. Memory: the texts.
    """
    blocked: dict[str, str] = {}
    for task in recipe.evaluation.tasks.values():
        for item in read_task(recipe.resolve(task.path)).items:
            blocked |= {normalise(text): EVALUATION for text in (item.text, item.prompt)}
    for role, reason in (("held-out", HELD_OUT), ("held-in", TEST)):
        for one in sets:
            if one.setting.role == role:
                for example in one.test:
                    for text in example.texts:
                        blocked.setdefault(normalise(text), reason)
    return blocked


def keep_apart(examples: Iterable[Example], blocked: dict[str, str]) -> tuple[list[Example], Counter[str]]:
    """Return the examples that equal nothing blocked, and how many of the others fell to which reason.

    Compared are an example's own texts, whole, and the messages and lines of its prompt.
    """
    kept: list[Example] = []
    left_out: Counter[str] = Counter()
    for example in examples:
        found = (blocked.get(normalise(text)) for text in (*example.texts, *example.parts))
        reason = next((reason for reason in found if reason is not None), None)
        if reason is None:
            kept.append(example)
        else:
            left_out[reason] += 1
    return kept, left_out
