"""Benchmark tasks in EcomInstruct form: a folder with ``meta-info.json`` and ``test.json``.

The folder is named ``LANG-DATASET-TYPE-task`` (EcomGPT, Li et al., 2023). ``test.json`` holds JSON
lines and its last line may lack a newline. What a record must have depends on TYPE:

=====================  ============================================  ==========================================
TYPE                   fields                                        answers
=====================  ============================================  ==========================================
CLS                    ``labels`` {key: [label, ...]}                each gold label, right on its own
NER                    ``spans`` [{"type", "term"}, ...]             one text: a line ``label: a, b`` or
                                                                     ``label: None`` for each label of the task
Extract, Generate,     ``spans`` [{"term"}, ...]                     one text: the terms, joined
Condition_Extract
=====================  ============================================  ==========================================

and ``sentences`` always. Offsets of spans are not read: in several published files they are not
offsets into ``sentences``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from ecomct.errors import InputError
from ecomct.seeded import hash_text

TYPES = ("CLS", "NER", "Extract", "Generate", "Condition_Extract")
# Which task types a scorer can judge: a span needs a type, a choice needs candidates.
SCORERS: dict[str, tuple[str, ...]] = {
    "choice": ("CLS",),
    "spans": ("NER",),
    "rouge": ("CLS", "Extract", "Generate", "Condition_Extract"),
}
_HEADER = "Below is an instruction that describes the {defi} task. Write a response that appropriately completes the request.\n"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SLOT = re.compile(r"\{(sentences|label_set)\}")


@dataclass(frozen=True)
class TaskItem:
    """One test row: `line` is its number in test.json (1-based), `text` its ``sentences``."""

    line: int
    text: str
    prompt: str
    answers: tuple[str, ...]
    candidates: tuple[str, ...]
    record: str = field(repr=False)


@dataclass(frozen=True)
class InstructTask:
    """A task folder: what it asks, its `rows` records, and `items` (rows with a text of their own)."""

    folder: Path
    name: str
    language: str
    type: str
    labels: tuple[str, ...]
    items: tuple[TaskItem, ...]
    rows: int
    separator: str
    digest: str


def read_task(folder: Path, file: str = "test.json") -> InstructTask:
    """Read the task in `folder`, from `file`.

    The prompt is the header that names the task, then the instruction; a meta-info.json with a text of its own
    as `header` (which may be empty) replaces EcomGPT's. Of rows with the same ``sentences`` the first is kept.
    `digest` is the xxh3 of both files.
    Raises InputError that names file and line for a missing file, a line that is not a JSON object,
    a record without a needed field, or a label outside the task's label set.
    """
    language, _, kind, _ = folder_parts(folder)
    meta_path, test_path = folder / "meta-info.json", folder / file
    meta_bytes, test_bytes = _read(meta_path), _read(test_path)
    meta = _json_object(meta_bytes, str(meta_path))
    defi = _text(meta, "defi", str(meta_path))
    prompt = meta.get("test_prompt")
    instruction = _text(prompt if isinstance(prompt, dict) else {}, "instruction", f"{meta_path}: test_prompt")
    if "{sentences}" not in instruction:
        raise InputError(f"{meta_path}: test_prompt.instruction has no {{sentences}} slot, where the text of an item goes")
    separator = meta.get("label_sep", ", ")
    if not isinstance(separator, str) or not separator:
        raise InputError(f"{meta_path}: label_sep is not a text")
    header = meta.get("header", _HEADER)
    if not isinstance(header, str):
        raise InputError(f"{meta_path}: header is not a text")
    labels = _labels(meta, kind, str(meta_path))
    shown = separator.join(labels)

    items: list[TaskItem] = []
    seen: set[str] = set()
    rows = 0
    for number, line in enumerate(test_bytes.split(b"\n"), 1):
        if not line.strip():
            continue
        rows += 1
        place = f"{test_path}:{number}"
        record = _json_object(line, place)
        text = _text(record, "sentences", place)
        answers = _answers(record, kind, labels, str(meta.get("label_key")), separator, place)
        if text in seen:
            continue
        seen.add(text)
        # One pass over the template: braces inside the text or a label are never taken for a slot.
        values = {"sentences": text, "label_set": shown}
        body = _SLOT.sub(lambda slot, values=values: values[slot[1]], instruction)  # type: ignore[misc]
        candidates = labels if kind == "CLS" else ()
        items.append(TaskItem(number, text, header.replace("{defi}", defi) + body, answers, candidates, line.strip().decode()))
    if not items:
        raise InputError(f"{test_path}: holds no record")
    digest = xxhash.xxh3_128(meta_bytes)
    digest.update(test_bytes)
    name = str(meta.get("task", folder.name))
    return InstructTask(folder, name, language, kind, labels, tuple(items), rows, separator, digest.hexdigest())


def draw(items: Iterable[TaskItem], count: int, seed: int) -> list[TaskItem]:
    """Return `count` items (all where there are fewer), ordered by line.

    An item's rank is a seeded hash of its own line, so that the draw does not depend on the order
    or on the other rows of the file.
    """
    ranked = sorted(items, key=lambda item: (hash_text(item.record, seed), item.line))
    return sorted(ranked[:count], key=lambda item: item.line)


def folder_parts(folder: Path) -> tuple[str, str, str, str]:
    """LANG, DATASET, TYPE and task of a task folder by its name."""
    parts = folder.name.split("-", 3)
    if len(parts) != 4 or parts[2] not in TYPES:
        raise InputError(f"{folder}: a task folder is named LANG-DATASET-TYPE-task with TYPE one of {', '.join(TYPES)}")
    return parts[0], parts[1], parts[2], parts[3]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); a task folder needs meta-info.json and test.json") from None


def _json_object(data: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{place}: not a JSON object")
    return value


def _text(record: dict[str, Any], key: str, place: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place}: no text in {key!r}")
    if not value.isascii() and _SURROGATE.search(value):
        raise InputError(f"{place}: {key!r} holds half of a surrogate pair, which no tokenizer can read; repair the \\u escapes")
    return value


def _labels(meta: dict[str, Any], kind: str, place: str) -> tuple[str, ...]:
    """The active label list of the task; empty for the types that have none."""
    if kind in ("Extract", "Generate"):
        return ()
    sets, key = meta.get("label_set"), meta.get("label_key")
    labels = sets.get(key) if isinstance(sets, dict) and isinstance(key, str) else None
    if not isinstance(labels, list) or not labels:
        raise InputError(f"{place}: label_set[label_key] is not a list of labels")
    labels = [_text({"label_set": label}, "label_set", place) for label in labels]
    if len(set(labels)) != len(labels):
        raise InputError(f"{place}: label_set[{key!r}] names a label twice")
    return tuple(labels)


def _answers(record: dict[str, Any], kind: str, labels: tuple[str, ...], key: str, separator: str, place: str) -> tuple[str, ...]:
    if kind == "CLS":
        field_value = record.get("labels")
        gold = field_value.get(key) if isinstance(field_value, dict) else None
        if not isinstance(gold, list) or not gold:
            raise InputError(f"{place}: no list of gold labels in labels[{key!r}]")
        for label in gold:
            if label not in labels:
                raise InputError(f"{place}: label {label!r} is not in the label set of meta-info.json")
        return tuple(gold)
    spans = record.get("spans")
    if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
        raise InputError(f"{place}: 'spans' is not a list of objects")
    terms = [_text(span, "term", f"{place}: spans") for span in spans]
    if kind != "NER":
        if not terms:
            raise InputError(f"{place}: 'spans' is empty, so there is no answer to compare with")
        return (separator.join(terms),)
    found: dict[str, list[str]] = {label: [] for label in labels}
    for span, term in zip(spans, terms, strict=True):
        label = _text(span, "type", f"{place}: spans")
        if label not in found:
            raise InputError(f"{place}: span type {label!r} is not in the label set of meta-info.json")
        found[label].append(term)
    return ("\n".join(f"{label}: {separator.join(values) or 'None'}" for label, values in found.items()),)
