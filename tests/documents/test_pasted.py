"""A unit pasted over and over is kept once: which, what stays beside it, and that nothing else moves."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomct.documents import pasted
from ecomct.documents.pasted import kept_once
from ecomct.documents.refine import Refine
from ecomct.recipe.cleaning import Cleaning
from ecomct.rules.rule import Passage

REVIEW = "裤子缝合的地方不牢开线了,没有做好质检把控。"


def test_examples_in_the_docstring() -> None:
    assert doctest.testmod(pasted).failed == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (REVIEW * 3, REVIEW),
        (" ".join([REVIEW] * 5), REVIEW),
        (REVIEW * 4 + REVIEW[:7], REVIEW),  # broken off where the field was full
        ("总体一般。" + REVIEW * 4, "总体一般。" + REVIEW),
        (REVIEW * 4 + "裤子太大", REVIEW + "裤子太大"),  # begins as the unit does, and is the customer's own
        ("丈母娘很喜欢" + "^_^" * 20, "丈母娘很喜欢^_^"),
        ("It broke after a week. " * 6, "It broke after a week."),
        ("说好的赠品没送 赠品没送 赠品没送 赠品没送 赠品没送 到现在", "说好的赠品没送 到现在"),
    ],
)
def test_one_copy_stays(text: str, kept: str) -> None:
    assert kept_once(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        REVIEW,
        REVIEW * 2,
        "好好好好好好好好好好好好好好好好",
        "很好很好很好很好很好很好很好很好",  # says too little: the rules judge it
        "哈哈哈哈哈哈哈哈哈哈哈哈笑死我了!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
        "质量很好,物流很快,价格很低,服务很棒,下次还来。",
        "The size is right, the color is right, the price is right, and it came in time for the party.",
        "三遍:不要买,不要买,不要买!洗完第二天满头的头皮屑,给几个人用过都是这样,大家一致认定有问题",
    ],
)
def test_what_is_no_paste_stays(text: str) -> None:
    assert kept_once(text) == text


@given(st.text(alphabet="ab,。好", min_size=10, max_size=40), st.integers(3, 9), st.text(alphabet="ab,。好", max_size=6))
def test_never_longer_and_a_second_pass_finds_nothing(unit: str, copies: int, tail: str) -> None:
    text = (unit * copies + tail).strip()
    once = kept_once(text)
    assert len(once) <= len(text)
    assert kept_once(once) == once
    assert set(once) <= set(text)


@given(st.permutations("一二三四五六七八九十百千万亿"), st.integers(3, 9))
def test_the_unit_of_any_exact_paste_is_found(letters: list[str], copies: int) -> None:
    unit = "".join(letters)
    assert kept_once(unit * copies) == unit


@pytest.mark.parametrize("unit", ["ab", "好评", "a" * 50 + "b", "很好,", "abcdefgh" * 5 + "x"])
def test_long_repetitions_take_linear_time(unit: str) -> None:
    # A quadratic search would take minutes.
    kept_once(unit * (60_000 // len(unit)))
    kept_once(unit * (1_000_000 // len(unit)))


def test_a_review_is_mended_then_judged() -> None:
    refine = Refine(Cleaning(), "zh", {}, "review")
    text = refine(REVIEW * 7, False, "text")
    assert text == REVIEW
    assert refine.judge("review", Passage(text, "review")) is None
    assert refine.take() == {"reformulated:pasted": 1}
    # A page or a description is laid out by somebody who had a reason.
    assert Refine(Cleaning(), "zh", {}, "description")(REVIEW * 7, True, "text") == REVIEW * 7
