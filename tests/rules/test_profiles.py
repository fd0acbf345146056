"""Profiles agree with their rules one by one, take any text, and move with their thresholds."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.documents.privacy.placeholders import PLACEHOLDERS
from ecomct.errors import InputError
from ecomct.recipe.cleaning import Cleaning, ProfileName
from ecomct.rules import PROFILES, RULES, Passage, Verdict, compile_profile, profile_problems
from ecomct.rules.contact import contact_share
from ecomct.rules.profiles import Overrides

# Pieces of what fields are made of, so that drawn text comes near every rule.
_PIECES = [
    *("好", "不错", "good ", "test", "N/A", "见详情", "...", "!!!!", "\n", "- ", "\ufffd", "锟斤拷", "Ã©", "★", "😀", " "),
    *("13800138000", "[PHONE]", "https://a.example/", "www.", "微信", "qq", "a@b.co"),
    *("lorem ipsum ", "enable javascript", "the of "),
]
_TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=40).map("".join)
_PASSAGES = st.builds(
    Passage, _TEXTS, st.sampled_from(PROFILES), st.sampled_from(["zh", "en"]), st.just("") | _TEXTS, st.just("") | _TEXTS
)


def naive(profile: str, overrides: Overrides, passage: Passage) -> Verdict | None:
    """The first rule of the registry that fails, straight from its definition."""
    for rule in RULES.values():
        threshold = overrides[rule.name] if rule.name in overrides else rule.defaults.get(profile)
        if threshold is not None and rule.fails(passage, threshold):
            return Verdict(rule.name, rule.measure(passage), threshold)
    return None


def test_profiles_are_those_of_the_recipe() -> None:
    assert typing.get_args(ProfileName) == PROFILES


@given(_PASSAGES, st.dictionaries(st.sampled_from(sorted(RULES)), st.none() | st.floats(0, 1), max_size=5))
@settings(max_examples=400, deadline=None)
def test_judge_is_the_first_rule_that_fails(passage: Passage, overrides: dict[str, float | None]) -> None:
    profile = compile_profile(passage.profile, overrides)
    assert profile.judge(passage) == naive(passage.profile, overrides, passage)


@given(_PASSAGES)
@settings(max_examples=400, deadline=None)
def test_every_rule_measures_every_text(passage: Passage) -> None:
    for rule in RULES.values():
        value = rule.measure(passage)
        assert value >= 0, rule.name
        assert rule.unit == "count" or value <= 1, rule.name


@given(_PASSAGES, st.sampled_from(sorted(RULES)), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_looser_threshold_rejects_nothing_more(passage: Passage, name: str, one: float, other: float) -> None:
    rule = RULES[name]
    strict, loose = (max(one, other), min(one, other)) if rule.least else (min(one, other), max(one, other))
    assert rule.fails(passage, strict) or not rule.fails(passage, loose)


_HOSTILE = ["好", "ab ", "a", "1", " ", "\n", "@", "a@", "[", "[A", "://", "www.", "- \n", "ÃÂ", "☆", "微信", "x.", "138 "]


@pytest.mark.parametrize("unit", _HOSTILE)
def test_half_a_megabyte_of_anything_is_measured(unit: str) -> None:
    # A rule whose time were quadratic would not come back.
    text = unit * ((1 << 19) // len(unit))
    for rule in RULES.values():
        for language in ("zh", "en"):
            rule.measure(Passage(text, "web", language, text[:-1], text))


def test_every_placeholder_of_personal_data_is_contact() -> None:
    for placeholder in PLACEHOLDERS.values():
        assert contact_share(Passage(placeholder)) == 1


def test_faults_of_a_recipe_are_named() -> None:
    cleaning = Cleaning(profiles={"review": {"max_copys": 3, "max_urls": 40, "min_chars": None}, "title": {"min_chars": -1}})
    assert profile_problems(cleaning) == [
        "cleaning.profiles.review.max_copys: no such rule; did you mean max_copies?",
        "cleaning.profiles.review.max_urls: a share lies in 0 to 1, got 40.0",
        "cleaning.profiles.title.min_chars: a count is not negative, got -1.0",
    ]
    assert profile_problems(Cleaning()) == []


def test_an_unknown_rule_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"cleaning\.profiles\.review\.perplexity: no such rule; known: .*max_copies"):
        compile_profile("review", {"perplexity": 1.0})


def test_a_rule_may_be_turned_off_and_on() -> None:
    passage = Passage("其他", "value", "zh", "", "材质")
    assert compile_profile("value").judge(passage) == Verdict("max_empty_value", 1.0, 0)
    assert compile_profile("value", {"max_empty_value": None}).judge(passage) is None
    assert compile_profile("value", {"max_empty_value": None, "max_chars": 1}).judge(passage) == Verdict("max_chars", 2.0, 1)
