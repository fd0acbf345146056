from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.evaluation.metrics import (
    estimate,
    lcs_length,
    normalise,
    parse_spans,
    rouge_l,
    rouge_l_tokens,
    rouge_tokens,
    score,
)

TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


def brute_lcs(a: list[str], b: list[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for j, y in enumerate(b):
            row[j + 1] = above[j] + 1 if x == y else max(above[j + 1], row[j])
    return row[-1]


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=90), st.lists(st.sampled_from("abcd"), max_size=90))
def test_lcs_equals_dynamic_programme(a: list[str], b: list[str]) -> None:
    assert lcs_length(a, b) == brute_lcs(a, b) == lcs_length(b, a)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("韩版T恤2021新款", ["韩", "版", "t", "恤", "2021", "新", "款"]),
        ("Ｔ恤，ＸＬ码。", ["t", "恤", "xl", "码"]),
        ("it's 15.6 inch", ["it", "s", "15", "6", "inch"]),
        ("𠮷野家 の", ["𠮷", "野", "家"]),
        ("！，。 ...", []),
        ("", []),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert rouge_tokens(text) == tokens


@pytest.mark.parametrize(
    ("prediction", "references", "value"),
    [
        ("新款连衣裙", ["新款连衣裙"], 1.0),
        ("新款，连衣裙！", ["新款 连衣裙"], 1.0),
        ("连衣裙新款", ["新款连衣裙"], 2 * 3 / 10),
        ("Nike 跑鞋", ["nike跑步鞋"], 2 * 3 / 7),
        ("a b", ["a a a b"], 2 * 2 / 6),
        ("match", ["not match"], 2 / 3),
        ("匹配", ["不匹配"], 4 / 5),
        ("裙", ["鞋", "裙子", "裙"], 1.0),
        ("", ["裙"], 0.0),
        ("裙", [""], 0.0),
        ("", [""], 0.0),
        ("裙", [], 0.0),
    ],
)
def test_rouge_l_by_hand(prediction: str, references: list[str], value: float) -> None:
    assert rouge_l(prediction, references) == pytest.approx(value, abs=1e-12)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_rouge_l_is_symmetric_and_a_share(a: str, b: str) -> None:
    value = rouge_l(a, [b])
    assert 0.0 <= value <= 1.0
    assert value == rouge_l(b, [a])
    assert value == rouge_l_tokens(rouge_tokens(a), rouge_tokens(b))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("颜色: 红, 蓝\n材质: None", {("颜色", "红"), ("颜色", "蓝")}),
        ("颜色：红，蓝", {("颜色", "红"), ("颜色", "蓝")}),
        ("颜色: 红, 红\n颜色: 红", {("颜色", "红")}),
        ("颜色: none\n材质:NONE, ", set()),
        ("Ｓize: ＸＬ", {("Size", "XL")}),
        ("url: http://x", {("url", "http://x")}),
        (": red\nno colon here\n\n   :", set()),
        ("", set()),
    ],
)
def test_spans_by_hand(text: str, pairs: set[tuple[str, str]]) -> None:
    assert parse_spans(text) == pairs


@settings(deadline=None)
@given(TEXT, TEXT)
def test_spans_of_any_text(prediction: str, gold: str) -> None:
    for label, span in parse_spans(prediction):
        assert label
        assert span
        assert label == label.strip()
        assert ":" not in label
        assert "," not in span
        assert span.casefold() != "none"
    one = score("spans", prediction, [gold])
    assert 0 <= one.numerator <= one.denominator
    assert one.matched <= min(one.predicted, one.gold)
    itself = score("spans", gold, [gold])
    assert itself.matched == itself.predicted == itself.gold


def test_scores_of_one_item() -> None:
    one = score("spans", "颜色: 红, 绿", ["颜色: 红\n材质: 棉, 麻"])
    assert (one.matched, one.predicted, one.gold) == (1, 2, 3)
    assert (one.numerator, one.denominator) == (2, 5)
    assert score("choice", " ｍatch", ["match"]).numerator == 1
    assert score("choice", "match", ["not match"]).numerator == 0
    assert score("choice", "b", ["a", "b"]).numerator == 1
    assert score("rouge", "新款裙", ["旧", "新款"]).numerator == pytest.approx(0.8)
    assert normalise(" ：Ａ ") == ":A"


def test_estimate_by_hand() -> None:
    mean = estimate([1, 0, 1, 1], [1, 1, 1, 1])
    assert mean.value == 0.75
    assert mean.stderr == pytest.approx(np.std([1, 0, 1, 1], ddof=1) / 2)
    assert mean.high == 1.0
    loss = estimate([30.0, 8.0], [10, 4], share=False)
    assert loss.value == pytest.approx(38 / 14)
    assert loss.low is not None
    assert loss.high is not None
    assert loss.high - loss.value == pytest.approx(loss.value - loss.low)
    single = estimate([1], [2])
    assert (single.value, single.stderr, single.low, single.high, single.items) == (0.5, None, None, None, 1)
    assert estimate([0, 0], [0, 0]).value == 0.0
    assert estimate([], []).items == 0


@pytest.mark.parametrize("kind", ["accuracy", "f1", "loss"])
def test_standard_error_is_that_of_repeated_draws(kind: str) -> None:
    """Over many samples of 150 items, errors estimated from each agree with the spread of the values."""
    generator = np.random.default_rng(5)
    values, errors, covered = [], [], 0
    truth = {"accuracy": 0.3, "f1": None, "loss": 3.0}[kind]
    num: Any
    den: Any
    for _ in range(1500):
        if kind == "accuracy":
            den = np.ones(150)
            num = (generator.random(150) < 0.3).astype(float)
        elif kind == "f1":
            gold, predicted = generator.integers(1, 4, 150), generator.integers(0, 5, 150)
            num = 2.0 * generator.binomial(np.minimum(gold, predicted), 0.5)
            den = 1.0 * (gold + predicted)
        else:
            den = 1.0 * generator.integers(5, 200, 150)
            num = den * generator.normal(3.0, 0.6, 150)
        found = estimate(num.tolist(), den.tolist(), share=kind != "loss")
        assert found.stderr is not None
        assert found.low is not None
        assert found.high is not None
        values.append(found.value)
        errors.append(found.stderr)
        covered += truth is not None and found.low <= truth <= found.high
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.06)
    if truth is not None:
        assert 0.93 <= covered / 1500 <= 0.97
