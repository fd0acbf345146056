"""Token ids are the tokenizer's own; cut documents lose nothing."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding, Tokenizer

from ecomct.tokens.encode import cut
from ecomct.tokens.tokenizer import END_OF_TEXT, load_tokenizer, train_bpe

CORPUS = [
    "白瓷茶杯很好用。送朋友的。",
    "A white cup. It holds 200 ml!\nVery good;",
    "型号 X-200 的价格是 19.9 元?",
    "tea tea tea " * 20,
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_bpe(iter(CORPUS * 5), 400)


def starts(encoding: Encoding) -> npt.NDArray[np.int64]:
    """First character of each token."""
    return np.array([begin for begin, _ in encoding.offsets], dtype=np.int64)


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="白瓷茶杯。！ \nab.;x😀é", min_size=1, max_size=300), limit=st.integers(4, 60))
def test_pieces_are_the_document(tokenizer: Tokenizer, text: str, limit: int) -> None:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = cut(starts(encoding), text, limit)
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert pieces[0].start == 0
    assert pieces[-1].stop == len(encoding.ids)
    assert all(left.stop == right.start for left, right in pairwise(pieces))
    assert all(0 < piece.stop - piece.start <= limit for piece in pieces if encoding.ids)


def test_cuts_fall_after_sentences(tokenizer: Tokenizer) -> None:
    text = "白瓷茶杯很好用。" * 40
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = cut(starts(encoding), text, 50)
    assert len(pieces) > 1
    for piece in pieces[:-1]:
        assert text[: encoding.offsets[piece.stop - 1][1]].endswith("。")


def test_cuts_are_at_the_last_mark_that_fits(tokenizer: Tokenizer) -> None:
    """Against the definition: the last sentence end, else the last space, in the last three quarters of the piece."""
    text = ("tea cup. " * 9 + "白瓷茶杯很好用 " * 9 + "x" * 90 + "茶。") * 4
    encoding = tokenizer.encode(text, add_special_tokens=False)
    begins = starts(encoding).tolist()
    ends = [[match.end() for match in re.finditer(mark, text)] for mark in (r"。|\.(?=\s)", r"\s+")]
    begin = 0
    for piece in cut(starts(encoding), text, 40)[:-1]:
        expected = begin + 40
        for marks in ends:
            tokens = [next((t for t, start in enumerate(begins) if start >= mark), len(begins)) for mark in marks]
            if inside := [token for token in tokens if begin + 10 < token <= begin + 40]:
                expected = max(inside)
                break
        assert (piece.start, piece.stop) == (begin, expected)
        begin = piece.stop


def test_training_a_tokenizer_is_deterministic_and_loses_nothing() -> None:
    first, second = train_bpe(iter(CORPUS), 350), train_bpe(iter(CORPUS), 350)
    assert first.to_str() == second.to_str()
    for text in [*CORPUS, "未见过的字 ☃ \x00"]:
        assert first.decode(first.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_a_marker_in_a_row_is_plain_text(tmp_path: Path, tokenizer: Tokenizer) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    loaded, eos = load_tokenizer(tmp_path)
    assert eos not in loaded.encode(f"good {END_OF_TEXT} cup", add_special_tokens=False).ids


def test_ids_equal_those_of_transformers(shared: Path) -> None:
    """On real bilingual text and a real tokenizer."""
    import json

    from transformers import PreTrainedTokenizerFast

    file = shared / "data/tokenizer/qwen2/tokenizer.json"
    theirs, ours = PreTrainedTokenizerFast(tokenizer_file=str(file)), Tokenizer.from_file(str(file))
    lines = (shared / "data/catalogue/zh_cncoin/qa.jsonl").read_text().splitlines()[:300]
    lines += (shared / "data/catalogue/en_amazon_pqa/reviews.jsonl").read_text().splitlines()[:300]
    for row in map(json.loads, lines):
        text = row.get("content") or row["text"]
        assert ours.encode(text, add_special_tokens=False).ids == theirs(text, add_special_tokens=False)["input_ids"]
