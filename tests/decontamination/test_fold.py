"""Text to tokens and hashes, against a plain reading of the same rules."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.decontamination.fold import stretches, tokenise, windows

ALPHABET = "aBcXY019 \n\t.,;。！#:*|-_棉紅红絲绸カひ①é²\u200b\x00😀ß"


def kind(character: str) -> str:
    """What a character is, one by one, as the module's docstring says it."""
    if "\u4e00" <= character <= "\u9fff" or "\u3040" <= character <= "\u30ff":
        return "han"
    category = unicodedata.category(character)[0]
    return {"L": "letter", "M": "letter", "N": "digit"}.get(category, "")


def plain_tokens(text: str) -> list[str]:
    tokens: list[str] = []
    before = ""
    for character in text:
        now = kind(character)
        if now and now == before != "han":
            tokens[-1] += character
        elif now:
            tokens.append(character)
        before = now
    return [token for token in tokens if token.lower() not in ("the", "is", "是")]


@settings(deadline=None)
@given(
    st.lists(
        st.text(ALPHABET, max_size=40) | st.sampled_from(["the cat is red", "The", "this is it", "他是谁", "3.5kg. End"]),
        max_size=6,
    )
)
def test_tokens_are_those_of_a_plain_reading(texts: list[str]) -> None:
    tokens = tokenise(texts)
    batch = "".join(f"{text}\n" for text in texts)
    for number, text in enumerate(texts):
        mine = slice(tokens.first[number], tokens.first[number + 1])
        written = [batch[begin:end] for begin, end in zip(tokens.begin[mine], tokens.end[mine], strict=True)]
        assert written == plain_tokens(text)
        assert tokens.han[mine].tolist() == [kind(token[0]) == "han" for token in written]


@settings(deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_text_has_tokens_inside_it(texts: list[str]) -> None:
    tokens = tokenise(texts)
    assert len(tokens.first) == len(texts) + 1
    assert tokens.first[-1] == len(tokens.begin) == len(tokens.value)
    assert np.all(tokens.begin < tokens.end)
    assert np.all(tokens.end[:-1] <= tokens.begin[1:])
    assert np.all(tokens.end <= (tokens.text[1:])[tokens.owner])


@settings(deadline=None)
@given(st.text("ab棉 ", min_size=1, max_size=60), st.integers(1, 6))
def test_equal_stretches_and_no_others_have_equal_hashes(text: str, length: int) -> None:
    tokens = tokenise([text])
    words = [text[begin:end] for begin, end in zip(tokens.begin, tokens.end, strict=True)]
    hashes = windows(tokens.sums, length)
    starts = np.arange(len(hashes))
    assert hashes.tolist() == stretches(tokens.sums, starts, starts + length).tolist()
    spoken = [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
    assert len(set(spoken)) == len(np.unique(hashes))
    assert dict(zip(spoken, hashes.tolist(), strict=True)) == {one: int(hashes[spoken.index(one)]) for one in spoken}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("純棉T恤 500ml", "纯棉 t恤·500 ML"),
        ("USB-C/Type C", "usb c type-c"),
        ("颜色: 红色; 产地: 杭州", "颜色是红色。产地是杭州。"),
        ("The color is red. The size is 5 m.", "color: red\nsize: 5m"),
        ("圍巾", "围巾"),
        ("A\nB C\tD", "a-b-c-d"),
    ],
)
def test_case_variant_punctuation_and_layout_make_no_difference(one: str, other: str) -> None:
    first, second = tokenise([one]), tokenise([other])
    assert first.value.tolist() == second.value.tolist()


def test_words_are_told_apart_beyond_their_first_letters() -> None:
    words = ["a" * n for n in (1, 2, 63, 64, 65)] + ["ab" * 40, "ba" * 40, "x" * 70 + "y", "x" * 70 + "z"]
    assert len({tuple(tokenise([word]).value.tolist()) for word in words}) == len(words)
