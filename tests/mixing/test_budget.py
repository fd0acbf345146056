"""Budgets keep the ratios, use what there is and say what is short."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecomct.mixing.budget import choose_homes_within, home_order, plan_budget
from ecomct.recipe.model import Blend

amounts = st.integers(1, 10**9)


@given(amounts, amounts, amounts, st.floats(0.1, 10), st.floats(1, 5), st.none() | st.integers(1000, 10**9))
def test_ratios_hold_and_one_limit_is_met(
    domain: int, zh: int, en: int, ratio: float, repeats: float, tokens: int | None
) -> None:
    blend = Blend(general_per_domain=ratio, max_repeats=repeats, tokens=tokens)
    budget = plan_budget(blend, domain, {"zh": zh, "en": en})
    assert budget.domain <= domain
    wanted = sum(budget.general.values())
    assert abs(wanted - ratio * budget.domain) <= 2 + ratio
    assert abs(budget.general["zh"] - budget.general["en"]) <= 1
    for language, there in (("zh", zh), ("en", en)):
        assert budget.general[language] <= there * repeats + 1 + ratio
    if tokens:
        assert budget.domain + wanted <= tokens + 3 + ratio
    slack = 2 + ratio
    full = budget.domain >= domain - 1
    full |= any(budget.general[name] >= there * repeats - slack for name, there in (("zh", zh), ("en", en)))
    full |= tokens is not None and budget.domain * (1 + ratio) >= tokens - slack - 1
    assert full, "nothing limits the budget, so it could be larger"


def test_a_missing_language_is_said() -> None:
    budget = plan_budget(Blend(), 1000, {"zh": 5000, "en": 0})
    assert budget.general == {"zh": 2000}
    assert any("no general text in en" in note for note in budget.notes)


def test_general_alone_and_domain_alone() -> None:
    assert plan_budget(Blend(), 0, {"zh": 300, "en": 500}).general == {"zh": 300, "en": 300}
    assert plan_budget(Blend(tokens=700), 1000, {"zh": 0, "en": 0}).domain == 700


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), min_size=1, max_size=200), st.integers(0, 3000))
def test_homes_enter_whole_and_never_over_the_budget(rows: list[tuple[int, int]], wanted: int) -> None:
    home = np.array([row[0] for row in rows], dtype=np.uint64)
    tokens = np.array([row[1] for row in rows], dtype=np.uint64)
    budget, taken = choose_homes_within(home, tokens, wanted, 17)
    used = budget.holds(home, 17)
    assert int(tokens[used].sum()) == taken <= max(wanted, 0)
    for one in set(home.tolist()):
        assert len(set(used[home == one].tolist())) == 1, "a product is used whole or not at all"
    for one in budget.skipped:
        # When its turn came, it did not fit beside those before it.
        before = used & (home_order(home, 17) < home_order(np.array([one], dtype=np.uint64), 17))
        assert int(tokens[before].sum() + tokens[home == one].sum()) > wanted
    smallest = min((int(tokens[home == one].sum()) for one in set(home[~used].tolist())), default=0)
    assert used.all() or taken >= 0.99 * wanted or taken + smallest > wanted, "something more would fit"


def test_one_large_product_does_not_end_the_budget() -> None:
    home = np.repeat(np.arange(50, dtype=np.uint64), 2)
    tokens = np.where(home == 7, 5000, 10).astype(np.uint64)
    for seed in range(8):
        _, taken = choose_homes_within(home, tokens, 500, seed)
        assert taken >= 490


def test_general_text_alone_in_one_language() -> None:
    assert plan_budget(Blend(max_repeats=2), 0, {"zh": 0, "en": 500}).general == {"en": 1000}
