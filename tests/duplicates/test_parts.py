"""Pairs in parts: all of them in order, none too large, and the same verdicts whatever the parts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.duplicates.fields import Row
from ecomct.duplicates.parts import parts
from ecomct.duplicates.verify import verify
from ecomct.recipe.duplicates import Duplicates

ROWS = st.integers(0, 7)


@settings(deadline=None)
@given(st.lists(st.tuples(ROWS, ROWS), max_size=30), st.lists(st.integers(0, 9), min_size=8, max_size=8), st.integers(1, 9))
def test_parts_are_as_large_as_they_may_be(pairs: list[tuple[int, int]], size: list[int], most: int) -> None:
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    text = 20

    def fits(start: int, stop: int) -> bool:
        rows = {row for pair in pairs[start:stop] for row in pair}
        return stop - start <= most and sum(size[row] for row in rows) <= text

    found = list(parts(first, second, size, most, text))
    assert [at for start, stop in found for at in range(start, stop)] == list(range(len(pairs)))
    assert all(fits(start, stop) or stop == start + 1 for start, stop in found)
    assert not any(fits(start, stop + 1) for start, stop in found[:-1])


def test_verdicts_do_not_depend_on_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}" for number in range(200)]
    texts = [" ".join(words[start : start + 100]) for start in range(20)] + [
        "快递很好",
        "快递很好!",
        "",
        "杯子 好看 质量 不错 推荐",
    ] * 2
    rows = [Row("review", text, [(0, len(text))], 0) for text in texts]
    pairs = [(one, two) for two in range(len(rows)) for one in range(two)]
    whole = list(verify(rows, pairs, Duplicates()))
    assert {verdict.reason for verdict in whole} >= {"", "similarity"}
    for name, value in (("_PAIRS", 3), ("_CHARACTERS", 1), ("_AT_ONCE", 1)):
        monkeypatch.setattr(f"ecomct.duplicates.verify.{name}", value)
        assert list(verify(rows, pairs, Duplicates())) == whole
