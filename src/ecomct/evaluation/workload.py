"""What every model is asked: held-out documents and task prompts, drawn by seed and tokenised once.

Prompt and continuation are encoded separately and joined as tokens, so that no token ever spans the
joint. As in the training sequences no special token is added, and one that a text spells out is read
as plain characters.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import SCORERS, InstructTask, TaskItem, draw, read_task
from ecomct.linking.held_out import HeldOutDocument
from ecomct.recipe.model import Recipe, Task
from ecomct.seeded import hash_text

_PLAIN = {"add_special_tokens": False, "split_special_tokens": True, "verbose": False}


@dataclass(frozen=True)
class EncodedDocument:
    """`ids` ends with eos unless `cut`; all but the first token are predicted.

    `characters` are those that the predicted tokens spell: the ones after the first token.
    """

    source: str
    language: str
    row: int
    ids: list[int]
    characters: int
    cut: bool


@dataclass(frozen=True)
class EncodedTask:
    """A task ready to be scored: `prompts[i]` belongs to `items[i]`, `candidates` to all (choice only).

    `truncated` prompts lost their beginning to fit into `limit` tokens; `long_answers` gold answers
    need more than `max_new_tokens`, so that no generation can reach them in full.
    """

    scorer: str
    task: InstructTask
    items: list[TaskItem]
    prompts: list[list[int]]
    candidates: list[list[int]]
    max_new_tokens: int
    limit: int
    truncated: int
    long_answers: int


@dataclass(frozen=True)
class Workload:
    """All questions of one evaluation; `digest` names them, whatever model answers."""

    documents: list[EncodedDocument]
    tasks: dict[str, EncodedTask]
    eos: int
    digest: str
    notes: list[str]

    @property
    def size(self) -> int:
        """Documents and items a model has to be scored on."""
        return len(self.documents) + sum(len(task.items) for task in self.tasks.values())


def build_workload(recipe: Recipe, tokenizer: Any, held_out: Sequence[HeldOutDocument], length: int) -> Workload:
    """Draw documents and items for `recipe`, and encode them to at most `length` tokens.

    `tokenizer` is a fast tokenizer of transformers with an eos token. Raises InputError for a task
    folder with a fault, or a task that its scorer or its length cannot fit.
    """
    settings = recipe.evaluation
    notes: list[str] = []
    documents = _encode_documents(_cap(held_out, settings.max_documents, recipe.seed), tokenizer, length, notes)
    tasks: dict[str, EncodedTask] = {}
    for name, entry in settings.tasks.items():
        place = f"evaluation.tasks.{name}"
        task = read_task(recipe.resolve(entry.path))
        if task.type not in SCORERS[entry.scorer]:
            raise InputError(
                f"{place}: scorer {entry.scorer!r} judges tasks of type {', '.join(SCORERS[entry.scorer])}, "
                f"and {task.folder.name} is {task.type}; choose another scorer"
            )
        tasks[name] = _encode_task(name, task, entry, draw(task.items, settings.max_items, recipe.seed), tokenizer, length, notes)
    digest = xxhash.xxh3_128()
    asked = {
        "documents": [[d.source, d.language, d.row, d.ids, d.characters] for d in documents],
        "tasks": {n: [t.scorer, t.task.digest, [i.line for i in t.items], t.prompts, t.max_new_tokens] for n, t in tasks.items()},
    }
    digest.update(json.dumps(asked, sort_keys=True).encode())
    return Workload(documents, tasks, tokenizer.eos_token_id, digest.hexdigest(), notes)


def _cap(documents: Sequence[HeldOutDocument], count: int, seed: int) -> list[HeldOutDocument]:
    """Keep `count` documents of each (source, language) by a seeded hash of the row, ordered by row."""

    def rank(document: HeldOutDocument) -> tuple[int, int]:
        return hash_text(f"evaluation {document.row}", seed), document.row

    groups: dict[tuple[str, str], list[HeldOutDocument]] = {}
    for document in documents:
        groups.setdefault((document.source, document.language), []).append(document)
    kept = [document for group in groups.values() for document in sorted(group, key=rank)[:count]]
    return sorted(kept, key=lambda document: document.row)


def _encode_documents(
    documents: Sequence[HeldOutDocument], tokenizer: Any, length: int, notes: list[str]
) -> list[EncodedDocument]:
    encoded = []
    for document in documents:
        tokens = tokenizer(document.text, return_offsets_mapping=True, **_PLAIN)
        ids, ends = [*tokens["input_ids"], tokenizer.eos_token_id], [end for _, end in tokens["offset_mapping"]]
        if len(ids) < 2:
            continue
        kept = ids[:length]
        characters = ends[min(len(kept), len(ends)) - 1] - ends[0]
        encoded.append(EncodedDocument(document.source, document.language, document.row, kept, characters, len(kept) < len(ids)))
    cut = sum(document.cut for document in encoded)
    if cut:
        notes.append(f"held-out loss: {cut} of {len(encoded)} documents were cut at the end to {length} tokens")
    if len(encoded) < len(documents):
        notes.append(f"held-out loss: {len(documents) - len(encoded)} documents without a token were left out")
    return encoded


def _encode_task(
    name: str, task: InstructTask, settings: Task, items: list[TaskItem], tokenizer: Any, length: int, notes: list[str]
) -> EncodedTask:
    def encode(text: str) -> list[int]:
        return list(tokenizer(text, **_PLAIN)["input_ids"])

    scorer, max_new_tokens = settings.scorer, settings.max_new_tokens
    candidates = [encode(label) for label in task.labels] if scorer == "choice" else []
    if not all(candidates):
        raise InputError(f"{task.folder}: the tokenizer writes a label with no token at all; choose another tokenizer")
    if len({tuple(ids) for ids in candidates}) < len(candidates):
        raise InputError(f"{task.folder}: the tokenizer writes two labels with the same tokens; choose another tokenizer")
    room = max(map(len, candidates)) if scorer == "choice" else max_new_tokens
    limit = length - room
    if limit < 1:
        raise InputError(f"evaluation.tasks.{name}: an answer of {room} tokens leaves no room in sequences of {length}")
    whole = [encode(item.prompt) for item in items]
    truncated = sum(len(ids) > limit for ids in whole)
    answers = [min(len(encode(answer)) for answer in item.answers) for item in items]
    long_answers = sum(count > max_new_tokens for count in answers) if scorer != "choice" else 0
    if len(task.items) < task.rows:
        notes.append(f"{name}: {task.rows - len(task.items)} of {task.rows} rows repeat the text of another and were dropped")
    if truncated:
        notes.append(f"{name}: {truncated} of {len(items)} prompts were longer than {limit} tokens and lost their beginning")
    if long_answers:
        notes.append(f"{name}: {long_answers} of {len(items)} gold answers are longer than max_new_tokens ({max_new_tokens})")
    return EncodedTask(
        scorer, task, items, [ids[-limit:] for ids in whole], candidates, max_new_tokens, limit, truncated, long_answers
    )


def sequence_limit(length: int, model_folders: Sequence[Path]) -> int:
    """The shortest of `length` and the models' own position limits (BLOOM has none)."""
    limits = [length]
    for folder in model_folders:
        try:
            config = json.loads((folder / "config.json").read_bytes())
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: no readable config.json ({error}); run the training stage again") from None
        limits += [value for key in ("max_position_embeddings", "n_positions") if isinstance(value := config.get(key), int)]
    return min(limits)
