"""Joints of prompt and completion, conversations, and what is cut or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from instruction_files import write_lines
from transformers import AutoTokenizer

from ecomct.errors import InputError
from ecomct.evaluation.ecominstruct import read_task
from ecomct.tokens.tokenizer import load_tokenizer
from ecomct.tuning.encode import Encoded, encode_examples
from ecomct.tuning.examples import Example, Turn, read_examples, task_examples


def stretches(encoded: Encoded, trained: bool) -> list[list[int]]:
    """Token ids of the trained, or the other, stretches."""
    starts = [0, *encoded.ends]
    found = [encoded.ids[a:b] for a, b in zip(starts, encoded.ends, strict=False)]
    return found[1::2] if trained else found[::2]


def encode(folder: Path, *turns: Turn, length: int = 512, most_cut: float = 0.5) -> Encoded | None:
    tokenizer, eos = load_tokenizer(folder)
    return encode_examples([Example(1, turns, ())], tokenizer, eos, length, most_cut)[0]


@pytest.mark.parametrize(
    ("prompt", "completion"), [("Answer:", "Yes"), ("Answer: ", "Yes"), ("Answer:\n", "\nYes"), ("答", "是")]
)
def test_no_token_spans_the_joint_and_nothing_is_lost(tokenizer_folder: Path, prompt: str, completion: str) -> None:
    """The prompt's tokens are those of the prompt alone, as a later question has them, trailing space included."""
    tokenizer, eos = load_tokenizer(tokenizer_folder)
    found = encode(tokenizer_folder, Turn(prompt, False), Turn(completion, True))
    assert found is not None
    assert stretches(found, False) == [tokenizer.encode(prompt, add_special_tokens=False).ids]
    assert stretches(found, True) == [[*tokenizer.encode(completion, add_special_tokens=False).ids, eos]]
    assert tokenizer.decode(found.ids, skip_special_tokens=True) == prompt + completion
    # The evaluation's encoder sees the same prompt.
    theirs = AutoTokenizer.from_pretrained(tokenizer_folder)
    assert theirs(prompt, add_special_tokens=False, split_special_tokens=True)["input_ids"] == stretches(found, False)[0]


def test_apart_is_not_what_encoding_together_gives(tokenizer_folder: Path) -> None:
    """The tokenizer here does merge across the joint: the case above is not empty."""
    tokenizer, _ = load_tokenizer(tokenizer_folder)
    together = tokenizer.encode("Answer: Yes", add_special_tokens=False).ids
    found = encode(tokenizer_folder, Turn("Answer: ", False), Turn("Yes", True))
    assert found is not None
    assert together != found.ids[:-1]


def test_an_end_of_text_written_in_the_data_is_plain_text(tokenizer_folder: Path) -> None:
    _, eos = load_tokenizer(tokenizer_folder)
    found = encode(tokenizer_folder, Turn("a<|endoftext|>b", False), Turn("c<|endoftext|>", True))
    assert found is not None
    assert found.ids.count(eos) == 1
    assert found.ids[-1] == eos


def test_every_assistant_turn_is_learnt_and_ended(tokenizer_folder: Path, tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q1"},
        {"role": "assistant", "content": "A1"},
        {"role": "user", "content": "Q2"},
        {"role": "assistant", "content": "A2"},
    ]
    (example,), repeats = read_examples(write_lines(tmp_path / "talk.jsonl", [{"messages": messages}]))
    form = "### Instruction:\n{}\n### Response:"
    assert example.turns == (
        Turn("S\n" + form.replace("{}", "Q1"), False),
        Turn("A1", True),
        Turn(form.replace("{}", "Q2"), False),
        Turn("A2", True),
    )
    tokenizer, eos = load_tokenizer(tokenizer_folder)
    found = encode(tokenizer_folder, *example.turns)
    assert found is not None
    wanted = [[*tokenizer.encode(text, add_special_tokens=False).ids, eos] for text in ("A1", "A2")]
    assert stretches(found, True) == wanted
    assert found.trained == sum(map(len, wanted))
    assert repeats == 0


def test_two_assistant_turns_in_a_row_are_two_answers(tokenizer_folder: Path, tmp_path: Path) -> None:
    messages = [{"role": role, "content": role} for role in ("user", "assistant", "assistant")]
    (example,), _ = read_examples(write_lines(tmp_path / "talk.jsonl", [{"messages": messages}]))
    _, eos = load_tokenizer(tokenizer_folder)
    found = encode(tokenizer_folder, *example.turns)
    assert found is not None
    assert [part[-1] for part in stretches(found, True)] == [eos, eos]
    assert stretches(found, False)[1] == []


def test_a_long_prompt_loses_its_beginning_and_a_longer_one_the_example(tokenizer_folder: Path) -> None:
    whole = encode(tokenizer_folder, Turn("x" * 40, False), Turn("Yes", True))
    assert whole is not None
    prompt, answer = whole.ends[0], whole.trained
    turns = (Turn("x" * 40, False), Turn("Yes", True))
    cut = encode(tokenizer_folder, *turns, length=len(whole.ids) - prompt // 2)
    assert cut is not None
    assert (cut.cut, cut.trained, cut.ids) == (prompt // 2, answer, whole.ids[prompt // 2 :])
    assert encode(tokenizer_folder, *turns, length=len(whole.ids) - prompt // 2 - 1) is None
    assert encode(tokenizer_folder, *turns, length=answer, most_cut=0.99) is None
    assert encode(tokenizer_folder, *turns, length=answer + 1, most_cut=0.99) is not None


def test_task_folders_ask_what_the_evaluation_asks(write_task: Callable[..., Path]) -> None:
    task = read_task(write_task("ZH-A-CLS-color", train=[("苹果", "red"), ("草", "green")]), "train.json")
    for example, item in zip(task_examples(task), task.items, strict=True):
        assert example.turns == (Turn(item.prompt, False), Turn(item.answers[0], True))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "a"}, "no text in 'completion'"),
        ({"prompt": "a", "completion": " "}, "no text in 'completion'"),
        ({"text": "a"}, "either prompt and completion, or messages"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "begins with the user (or system) and ends with the assistant"),
        ({"messages": [{"role": "user", "content": "a"}]}, "ends with the assistant"),
        ({"messages": [{"role": "bot", "content": "a"}]}, "messages[0].role: is 'bot'; write system, user or assistant"),
        ({"messages": "a"}, "messages is not a list of objects"),
    ],
)
def test_what_is_no_example_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    file = write_lines(tmp_path / "bad.jsonl", [{"prompt": "p", "completion": "c"}, row])
    with pytest.raises(InputError, match=r"bad\.jsonl:2: ") as caught:
        read_examples(file)
    assert said in str(caught.value)
