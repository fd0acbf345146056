"""What the score table says, and what it must not say."""

from __future__ import annotations

import math

import pytest

from ecomct.reporting.artefacts import Loss, Run, Score, Scores
from ecomct.reporting.charts import charts
from ecomct.reporting.comparison import NO_EVIDENCE, Column, answers, columns, estimate, held_out_lines, ordered


def scored(
    values: dict[str, float | None], verdicts: dict[str, str] | None = None, baselines: dict[str, float] | None = None
) -> Column:
    """The column of one task, from {model name: value} and the verdicts of the paired comparisons with the base."""
    models = [
        {
            "model": name,
            "arm": name.partition("@")[0],
            "step": int(name.partition("@")[2] or 0),
            "tasks": {"tam": {"metric": "accuracy", "value": value, "stderr": None if value is None else 0.02, "items": 50}},
        }
        for name, value in values.items()
    ]
    pairs = [
        {"model": name, "against": "base", "measure": "accuracy", "of": "tam", "value": 0.1, "verdict": verdict}
        for name, verdict in (verdicts or {}).items()
    ]
    # Neither another pair nor a loss of a language of that name is about the base's accuracy.
    noise = {"model": "mixed@9", "against": "separate@9", "measure": "accuracy", "of": "tam", "value": 1, "verdict": "worse"}
    others = [noise, noise | {"against": "base", "measure": "loss"}]
    given = {name: {"metric": "accuracy", "value": value, "stderr": 0.01} for name, value in (baselines or {}).items()}
    differences = {"models": [*pairs, *others]}
    tables = {"models": models, "baselines": {"tam": given}, "tasks": {"tam": {}}, "differences": differences}
    scores = Scores.model_validate(tables)
    return columns(scores, ordered(scores))[0]


def test_a_best_value_that_the_comparison_does_not_carry_is_not_named() -> None:
    column = scored({"base": 0.50, "mixed@9": 0.59}, {"mixed@9": NO_EVIDENCE})
    assert column.best is None
    assert column.verdict == NO_EVIDENCE
    assert column.marks == ["", ""]


def test_a_best_value_that_is_better_by_the_comparison_is_named() -> None:
    column = scored({"mixed@9": 0.62, "general@9": 0.56, "base": 0.50}, {"mixed@9": "better", "general@9": NO_EVIDENCE})
    assert column.best == 2  # base, general, mixed
    assert column.marks == ["", "", "better"]
    assert column.verdict == "mixed@9 is better than the base"
    assert column.detail == "accuracy %, 50 items"


def test_a_checkpoint_that_was_not_compared_is_not_named() -> None:
    column = scored({"base": 0.5, "mixed@3": 0.9, "mixed@9": 0.7}, {"mixed@9": "better"})
    assert column.marks == ["", "", "better"]
    assert column.best == 2
    assert scored({"base": 0.5, "mixed@3": 0.9}).verdict == "not compared"


def test_models_that_are_all_worse_are_called_worse() -> None:
    column = scored({"base": 0.8, "mixed@9": 0.5, "general@9": 0.4}, {"mixed@9": "worse", "general@9": "worse"})
    assert column.best is None
    assert column.verdict == "every arm is worse than the base"
    assert column.marks == ["", "worse", "worse"]


def test_a_best_without_evidence_does_not_hide_a_second_with_it() -> None:
    column = scored({"base": 0.5, "general@9": 0.60, "mixed@9": 0.61}, {"general@9": "better", "mixed@9": NO_EVIDENCE})
    assert column.marks == ["", "better", ""]
    assert column.best is None
    assert NO_EVIDENCE not in column.verdict


def test_without_a_base_or_with_a_broken_one_nothing_is_claimed() -> None:
    trained: dict[str, float | None] = {"mixed@9": 0.9}
    for column in (scored(trained), scored({"base": None, **trained})):
        assert column.best is None
        assert column.verdict == "the base has no score to compare with"


def test_a_model_that_is_under_a_constant_is_told_so() -> None:
    column = scored({"base": 0.1, "mixed@9": 0.4}, {"mixed@9": "better"}, {"always no": 0.3, "majority (yes)": 0.7})
    assert [name for name, _ in column.baselines] == ["majority (yes)", "always no"]
    assert column.verdict == "mixed@9 is better than the base; no model is over the strongest trivial baseline"


def test_lower_loss_is_better_and_its_interval_comes_from_the_standard_error() -> None:
    models = [
        {"model": "base", "arm": "base", "step": 0, "held_out_by_language": {"zh": {"loss": 4.0, "stderr": 0.1}}},
        {"model": "mixed@9", "arm": "mixed", "step": 9, "held_out_by_language": {"zh": {"loss": 3.5, "stderr": 0.1}}},
        {"model": "general@9", "arm": "general", "step": 9, "held_out_by_language": {"zh": {"loss": 4.5, "stderr": 0.1}}},
    ]
    pairs = [
        {"model": name, "against": "base", "measure": "loss", "of": "zh", "value": value, "verdict": verdict}
        for name, value, verdict in (("mixed@9", -0.5, "better"), ("general@9", 0.5, "worse"))
    ]
    scores = Scores.model_validate({"models": models, "differences": {"models": pairs}})
    column = columns(scores, ordered(scores))[0]
    assert column.marks == ["", "worse", "better"]
    assert column.best == 2
    found = estimate(Loss(loss=4.0, stderr=0.1))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((4.0 - 0.1959964, 4.0 + 0.1959964))


def test_a_score_that_is_not_finite_is_not_a_missing_one() -> None:
    assert estimate(None) is None
    for score in (Score(value=None), Score(value=math.inf), Loss(loss=None)):
        found = estimate(score)
        assert found is not None
        assert not found.finite


def test_order_is_base_then_arms_then_steps() -> None:
    names = ["mixed@20", "mixed@3", "base", "separate@3", "general@3", "domain-separate@3"]
    models = [{"model": n, "arm": n.partition("@")[0], "step": int(n.partition("@")[2] or 0)} for n in names]
    given = [model.model for model in ordered(Scores.model_validate({"models": models}))]
    assert given == ["base", "general@3", "domain-separate@3", "separate@3", "mixed@3", "mixed@20"]


def test_held_out_by_source_takes_the_last_step_of_each_arm() -> None:
    models = [
        {"model": f"mixed@{step}", "arm": "mixed", "step": step, "held_out": {"s": {"zh": {"loss": 5 - step, "documents": 7}}}}
        for step in (1, 2)
    ]
    scores = Scores.model_validate({"models": models})
    [(source, language, facts, cells)] = held_out_lines(ordered(scores))
    assert (source, language, facts.documents) == ("s", "zh", 7)
    assert [cell.value for cell in cells if cell] == [3.0]


def test_answers_show_a_model_that_says_one_thing() -> None:
    models = [
        {"model": "base", "arm": "base", "step": 0, "tasks": {"tam": {"value": 0.5, "predicted": {"no": 0.0, "yes": 1.0}}}},
    ]
    assert answers(Scores.model_validate({"models": models}).models) == [("tam", "base", [("yes", 1.0)])]


def test_curves_are_of_models_that_start_at_the_base() -> None:
    found = {"zh": {"loss": 4.0, "stderr": 0.1}}
    names = ("base", "mixed@3", "mixed+tuned@2", "base+tuned@2")
    models = [
        {"model": n, "arm": n.partition("@")[0], "step": int(n.partition("@")[2] or 0), "held_out_by_language": found}
        for n in names
    ]
    run = Run(None, None, None, None, {}, Scores.model_validate({"models": models}))
    assert [row[:2] for row in charts(run)["held-out-zh"].rows] == [("base", 0), ("mixed", 3)]
