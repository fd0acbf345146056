from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from ecomct.evaluation.differences import NO_EVIDENCE, differences
from ecomct.evaluation.metrics import ItemScore
from ecomct.evaluation.statistics import difference, holm


def held(arm: str, step: int, right: float, loss: float | None, seed: int = 0) -> dict[str, Any]:
    """The file of a model that has a share of 80 choices right and a loss on 40 documents."""
    rng, noise = random.Random(seed), random.Random(seed + step)
    items = [{"numerator": float(rng.random() < right), "denominator": 1.0} for _ in range(80)]
    tokens = [10 + i % 7 for i in range(40)]
    losses = [None if loss is None else count * (loss + 0.1 * noise.random()) for count in tokens]
    documents = [{"language": "zh", "loss": nats, "tokens": count} for nats, count in zip(losses, tokens, strict=True)]
    name = arm if arm == "base" else f"{arm}@{step}"
    return {"scores": {"model": name, "arm": arm, "step": step}, "documents": documents, "items": {"tam": items}}


TRIVIAL = {"tam": {"majority (a)": [ItemScore(float(i % 2), 1.0) for i in range(80)], "always b": [ItemScore(0.0, 1.0)] * 80}}
MODELS = [held("base", 0, 0.2, 4.0), held("mixed", 3, 0.99, 1.0), held("mixed", 9, 0.9, 3.0), held("separate", 9, 0.21, 4.2, 1)]


def table(models: list[dict[str, Any]], kind: str = "models") -> dict[tuple[str, str, str], dict[str, Any]]:
    found = differences(models, {"tam": "choice"}, TRIVIAL, seed=5)[kind]
    return {(entry["model"], entry["against"], entry["of"]): entry for entry in found}


def test_last_weights_are_compared_with_the_base_and_mixed_with_separate() -> None:
    found = table(MODELS)
    pairs = [("mixed@9", "base"), ("separate@9", "base"), ("mixed@9", "separate@9")]
    assert list(found) == [(*pair, of) for pair in pairs for of in ("zh", "tam")]
    assert found["mixed@9", "base", "tam"]["verdict"] == "better"
    assert found["mixed@9", "base", "zh"]["verdict"] == "better", "a lower loss is better"
    assert found["separate@9", "base", "zh"]["verdict"] == "worse"
    assert found["separate@9", "base", "tam"]["verdict"] == NO_EVIDENCE
    assert {entry["test"] for (_, _, of), entry in found.items() if of == "tam"} == {"McNemar"}
    assert list(table(MODELS, "baselines")) == [(name, "majority (a)", "tam") for name in ("base", "mixed@9", "separate@9")]


def test_numbers_are_those_of_the_statistics_and_holm_is_over_the_table() -> None:
    found = table(MODELS)
    rows = [[(one["loss"], one["tokens"]) for one in MODELS[at]["documents"]] for at in (3, 2)]
    wanted = difference(np.array(rows[0]), np.array(rows[1]), seed=5)
    entry = found["mixed@9", "separate@9", "zh"]
    assert entry["value"] == pytest.approx(wanted.value, abs=1e-6)
    assert [entry["low"], entry["high"]] == pytest.approx([wanted.low, wanted.high], abs=1e-6)
    assert entry["p"] == pytest.approx(wanted.p, rel=1e-3)
    adjusted = holm([entry["p"] for entry in found.values()])
    assert [entry["p_adjusted"] for entry in found.values()] == pytest.approx(adjusted, rel=1e-3)


def test_a_verdict_needs_the_corrected_p_too() -> None:
    """Nine items against one: p = 0.021 is evidence alone, and not as one of three tests."""
    models = [held("base", 0, 0.5, None), held("mixed", 9, 0.5, None), held("separate", 9, 0.5, None)]
    for model, right in zip(models, (range(30), range(1, 39), range(30)), strict=True):
        model["items"]["tam"] = [{"numerator": float(i in right), "denominator": 1.0} for i in range(80)]
    alone, many = (table(some)["mixed@9", "base", "tam"] for some in (models[:2], models))
    assert alone["p"] == alone["p_adjusted"] == many["p"] == pytest.approx(0.02148, abs=1e-5)
    assert many["p_adjusted"] == pytest.approx(3 * 0.02148, abs=1e-4)
    assert alone["low"] == many["low"] > 0
    assert (alone["verdict"], many["verdict"]) == ("better", NO_EVIDENCE)


def test_tuned_models_are_compared_with_the_tuned_base_too() -> None:
    models = [held(arm, 9, 0.5, 4.0) for arm in ("mixed", "base+tuned", "mixed+tuned", "separate+tuned")]
    found = table([MODELS[0], *models])
    assert {(a, b) for a, b, _ in found} == {
        ("mixed@9", "base"),
        ("base+tuned@9", "base"),
        ("mixed+tuned@9", "base"),
        ("separate+tuned@9", "base"),
        ("mixed+tuned@9", "base+tuned@9"),
        ("separate+tuned@9", "base+tuned@9"),
        ("mixed+tuned@9", "separate+tuned@9"),
    }


def test_a_loss_that_is_not_finite_is_left_out_of_the_family() -> None:
    found = table([*MODELS[:3], held("separate", 9, 0.5, None)])
    assert found["separate@9", "base", "zh"]["verdict"] == "not finite"
    assert found["mixed@9", "separate@9", "zh"]["value"] is None
    left = [entry for entry in found.values() if entry["p"] is not None]
    assert len(left) == len(found) - 2
    assert [entry["p_adjusted"] for entry in left] == pytest.approx(holm([entry["p"] for entry in left]), rel=1e-3)
