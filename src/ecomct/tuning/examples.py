"""Instruction examples: turns that are read and turns that are learnt, from JSON lines or a task folder.

A JSON line is one of

    {"prompt": "...", "completion": "..."}
    {"messages": [{"role": "system" | "user" | "assistant", "content": "..."}, ...]}

and may hold other fields. Prompts are taken as they are. Messages are written in the form of EcomGPT's prompts
(Li et al., 2023), which the evaluation uses too; every assistant turn is learnt.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import InstructTask

_FORM = {"system": "{}\n", "user": "### Instruction:\n{}\n### Response:"}
# A shorter line of a prompt is no evidence that it holds an item.
_LEAST_LINE = 6


@dataclass(frozen=True)
class Turn:
    """A stretch of text that is only read, or that is learnt and ended by the end-of-text token."""

    text: str
    trained: bool


@dataclass(frozen=True)
class Example:
    """One example: its line in the file (1-based), its turns, and the texts by which it is known.

    `texts` identify it; `parts` are pieces of its prompt in which an item of another set may stand.
    """

    line: int
    turns: tuple[Turn, ...]
    texts: tuple[str, ...]
    parts: tuple[str, ...] = ()
    record: str = field(default="", repr=False)


def normalise(text: str) -> str:
    """NFKC, case folded, without white space: equal for texts that differ in nothing else."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def task_examples(task: InstructTask) -> list[Example]:
    """Examples of a task folder: the prompt that the evaluation asks, and the gold answer (of a choice all labels, joined)."""
    return [
        Example(
            item.line,
            (Turn(item.prompt, False), Turn(task.separator.join(item.answers), True)),
            (item.text, item.prompt),
            record=item.record,
        )
        for item in task.items
    ]


def read_examples(file: Path) -> tuple[list[Example], int]:
    """Read a JSONL file; return its examples and how many rows repeated an earlier one turn by turn.

    Raises InputError that names file and line for what is no example.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); name a JSONL file or a task folder") from None
    found: dict[tuple[Turn, ...], Example] = {}
    rows = 0
    for number, line in enumerate(lines, 1):
        if line.strip():
            rows += 1
            example = _example(line, number, f"{file}:{number}")
            found.setdefault(example.turns, example)
    if not rows:
        raise InputError(f"{file}: holds no example; write one JSON object a line")
    return list(found.values()), rows - len(found)


def _example(line: bytes, number: int, place: str) -> Example:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not JSON ({error})") from None
    if not isinstance(value, dict) or ("messages" in value) == ("prompt" in value):
        raise InputError(f"{place}: an example has either prompt and completion, or messages")
    if "prompt" in value:
        prompt, completion = _text(value, "prompt", place), _text(value, "completion", place)
        asked = [prompt]
        turns: tuple[Turn, ...] = (Turn(prompt, False), Turn(completion, True))
    else:
        turns, asked = _conversation(value["messages"], place)
    parts = [*(asked if len(asked) > 1 else ()), *(line for text in asked for line in text.split("\n"))]
    long = dict.fromkeys(part for part in parts if len(normalise(part)) >= _LEAST_LINE)
    return Example(number, turns, ("\n".join(asked),), tuple(long), line.decode().strip())


def _conversation(messages: Any, place: str) -> tuple[tuple[Turn, ...], list[str]]:
    """Turns of a conversation, read stretches joined, and all that is said to the assistant, which tells it from others."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise InputError(f"{place}: messages is not a list of objects")
    turns: list[Turn] = []
    asked: list[str] = []
    for index, message in enumerate(messages):
        role, where = message.get("role"), f"{place}: messages[{index}]"
        if role not in ("system", "user", "assistant"):
            raise InputError(f"{where}.role: is {role!r}; write system, user or assistant")
        content = _text(message, "content", where)
        if role == "assistant":
            turns.append(Turn(content, True))
            continue
        asked.append(content)
        text = _FORM[role].replace("{}", content)
        if turns and not turns[-1].trained:
            text = turns.pop().text + text
        turns.append(Turn(text, False))
    if not turns or turns[0].trained or not turns[-1].trained:
        raise InputError(f"{place}: a conversation begins with the user (or system) and ends with the assistant")
    return tuple(turns), asked


def _text(record: dict[str, Any], key: str, place: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{place}: no text in {key!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"{place}: {key!r} holds half of a surrogate pair; repair the \\u escapes") from None
    return value
