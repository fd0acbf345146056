"""The blend holds its ratio at every prefix."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.packing.blend import Stream, interleave, largest_prefix_error

full = st.lists(st.integers(1990, 2048), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(full, full, full, st.floats(0.2, 8))
def test_every_prefix_is_within_one_sequence(domain: list[int], zh: list[int], en: list[int], ratio: float) -> None:
    tokens = {"d": np.array(domain), "zh": np.array(zh), "en": np.array(en)}
    want = int(tokens["d"].sum() * ratio / 2)
    groups = {
        "domain": [Stream("d", tokens["d"], int(tokens["d"].sum()))],
        "general": [Stream("en", tokens["en"], want), Stream("zh", tokens["zh"], want)],
    }
    order = interleave(groups)
    sizes = np.array([tokens[name][number] for name, number in order])
    names = [name for name, _ in order]
    assert sorted(number for name, number in order if name == "d") == list(range(len(domain))), "the domain once, whole"
    got = {name: sum(int(s) for s, n in zip(sizes, names, strict=True) if n == name) for name in tokens}
    for language in ("zh", "en"):
        assert abs(got[language] - want) <= 2048 / 2 + 2048 * 0.05
    general = got["zh"] + got["en"]
    if general:
        # Against the ratio that whole sequences allow, at every prefix.
        is_general = np.array(names) != "d"
        assert largest_prefix_error(is_general, sizes, general / got["d"]) <= 1.05
        if got["en"] and got["zh"]:
            is_chinese = np.array(names)[is_general] == "zh"
            assert largest_prefix_error(is_chinese, sizes[is_general], got["zh"] / got["en"]) <= 1.05


def test_sequences_repeat_in_order_beyond_one_pass() -> None:
    stream = Stream("g", np.array([10, 10, 10]), 70)
    assert [number for _, number in interleave({"general": [stream]})] == [0, 1, 2, 0, 1, 2, 0]


def test_nothing_wanted_gives_nothing() -> None:
    assert interleave({"general": [Stream("g", np.array([10]), 0)]}) == []
