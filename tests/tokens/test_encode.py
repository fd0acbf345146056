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

from ecomct.tokens.cut import Piece, cut, waste
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


def spans(encoding: Encoding) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First character of each token, and the one after its last."""
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    return offsets[:, 0], offsets[:, 1]


texts = st.text(alphabet="白瓷茶杯。！ \nab.;x😀é", min_size=1, max_size=300)


@settings(max_examples=300, deadline=None)
@given(text=texts, limit=st.integers(4, 60), title_chars=st.integers(0, 40))
def test_pieces_are_the_document(tokenizer: Tokenizer, text: str, limit: int, title_chars: int) -> None:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = cut(spans(encoding), text, limit, min(title_chars, len(text)))
    assert [piece.number for piece in pieces] == list(range(len(pieces)))
    assert pieces[0].start == 0
    assert pieces[-1].stop == len(encoding.ids)
    assert all(left.stop == right.start for left, right in pairwise(pieces))
    assert all(0 < piece.repeated + piece.stop - piece.start <= limit for piece in pieces if encoding.ids)
    if len(encoding.ids) <= limit:
        assert len(pieces) == 1, "a short document is never cut"
    # What is repeated: the tokens that end inside the title, if they are few.
    title = sum(1 for _, stop in encoding.offsets if stop <= title_chars) if title_chars else 0
    assert pieces[0].repeated == 0
    assert {piece.repeated for piece in pieces[1:]} <= {title if title <= limit // 4 else 0}


def test_later_pieces_begin_with_the_title(tokenizer: Tokenizer) -> None:
    title = "白瓷茶杯\n\n"
    text = title + "白瓷茶杯很好用。" * 60
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = cut(spans(encoding), text, 60, len(title))
    assert len(pieces) > 2
    for piece in pieces[1:]:
        start, stop = encoding.offsets[0][0], encoding.offsets[piece.repeated - 1][1]
        assert text[start:stop] == title
    assert all(piece.repeated == 0 for piece in cut(spans(encoding), text, 12, len(title))), (
        "a title over a quarter is not repeated"
    )


def test_cuts_fall_after_sentences(tokenizer: Tokenizer) -> None:
    text = "白瓷茶杯很好用。" * 40
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = cut(spans(encoding), text, 50)
    assert len(pieces) > 1
    for piece in pieces[:-1]:
        assert text[: encoding.offsets[piece.stop - 1][1]].endswith("。")


@pytest.mark.parametrize("limit", [40, 90, 150])
def test_the_way_that_wastes_least_is_taken(tokenizer: Tokenizer, limit: int) -> None:
    """Against the definition: from each possible opening on, the last sentence end, else the last space, that fits."""
    text = ("tea cup. " * 9 + "白瓷茶杯很好用 " * 9 + "x" * 90 + "茶。" + "tea tea tea cup. ") * 6
    encoding = tokenizer.encode(text, add_special_tokens=False)
    starts, count = [offset[0] for offset in encoding.offsets], len(encoding.ids)
    ends = [
        sorted({next((t for t, s in enumerate(starts) if s >= m.end()), count) for m in re.finditer(mark, text)})
        for mark in (r"。|\.(?=\s)", r"\s+")
    ]
    ways = []
    for opening in [0, *(end for end in ends[0] if max(limit // 64, 1) <= end <= limit // 8)]:
        bounds = [0, opening] if opening else [0]
        while count - bounds[-1] > limit:
            begin, end = bounds[-1], bounds[-1] + limit
            for marks in ends:
                if inside := [mark for mark in marks if begin + limit // 4 < mark <= begin + limit]:
                    end = max(inside)
                    break
            bounds.append(end)
        ways.append([Piece(number, *pair) for number, pair in enumerate(pairwise([*bounds, count]))])
    best = cut(spans(encoding), text, limit)
    assert best in ways
    assert waste(best, limit) == min(waste(way, limit) for way in ways)


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
