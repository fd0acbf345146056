"""Which differences the answers carry: arms against the base, `mixed` against `separate`, all against the best trivial baseline.

Only the last weights of each arm are compared: the best of several checkpoints would be picked after the fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ecomct.evaluation.metrics import METRICS, ItemScore
from ecomct.evaluation.statistics import Sums, difference, holm

NO_EVIDENCE = "no evidence of a difference"
NOT_FINITE = "not finite"
LEVEL = 0.05
# A measure: what is measured ("loss" or a metric) and of what (a language or a task).
Measure = tuple[str, str]


def differences(
    models: Sequence[Mapping[str, Any]],
    scorers: Mapping[str, str],
    trivial: Mapping[str, Mapping[str, Sequence[ItemScore]]],
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Return {"models": [...], "baselines": [...]}, two tables of paired comparisons; Holm's correction is over each table.

    `models` are the contents of the models' files, all with the same documents and items, base first; `scorers` names each
    task's scorer, `trivial` the items' scores of its baselines. An entry: `model`, `against`, `measure`, `of`, `value` (the
    model's less the other's), `stderr`, `low`, `high`, `p`, `test`, `p_adjusted`, `detectable`, `items`, `verdict`.
    """
    arms = list(dict.fromkeys(held["scores"]["arm"] for held in models))
    last = {held["scores"]["arm"]: held for held in sorted(models, key=lambda held: int(held["scores"]["step"]))}
    names = {arm: last[arm]["scores"]["model"] for arm in arms}
    sums = {arm: _sums(last[arm], scorers) for arm in arms}
    between = [
        _compared(names[arm], sums[arm].get(measure), names[other], table, measure, seed)
        for arm, other in _pairs(arms)
        for measure, table in sums[other].items()
    ]
    over = []
    for task, scorer in scorers.items():
        measure = (METRICS[scorer], task)
        tables = {name: _table([(one.numerator, one.denominator) for one in judged]) for name, judged in trivial[task].items()}
        # Of equal ones the first: they are listed by how trivial they are.
        best = max(tables, key=lambda name: float(tables[name][:, 0].sum() / max(1.0, tables[name][:, 1].sum())))
        over += [_compared(names[arm], table[measure], best, tables[best], measure, seed) for arm, table in sums.items()]
    return {"models": _judged(between), "baselines": _judged(over)}


def _pairs(arms: Sequence[str]) -> list[tuple[str, str]]:
    """Every arm against the base, every tuned one against the tuned base too, and the method's pair."""
    pairs = [(arm, "base") for arm in arms if arm != "base"]
    pairs += [(arm, "base+tuned") for arm in arms if arm.endswith("+tuned") and arm != "base+tuned"]
    pairs += [("mixed", "separate"), ("mixed+tuned", "separate+tuned")]
    return [(arm, other) for arm, other in pairs if arm in arms and other in arms]


def _sums(held: Mapping[str, Any], scorers: Mapping[str, str]) -> dict[Measure, Sums | None]:
    """Each measure's sums by item; None where a loss is not finite. The tokens of a document are one item: they stay together."""
    documents = held["documents"]
    found: dict[Measure, Sums | None] = {}
    for language in sorted({document["language"] for document in documents}, key=lambda name: (name != "zh", name)):
        rows = [(one["loss"], one["tokens"]) for one in documents if one["language"] == language]
        found["loss", language] = None if any(loss is None for loss, _ in rows) else _table(rows)
    for task, scorer in scorers.items():
        found[METRICS[scorer], task] = _table([(one["numerator"], one["denominator"]) for one in held["items"][task]])
    return found


def _table(rows: Sequence[tuple[float, float]]) -> Sums:
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def _compared(model: str, own: Sums | None, against: str, other: Sums | None, measure: Measure, seed: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"model": model, "against": against, "measure": measure[0], "of": measure[1]}
    if own is None or other is None:
        return entry | dict.fromkeys(("value", "stderr", "low", "high", "p", "test", "detectable", "items"))
    found = difference(other, own, seed)
    parts = {name: getattr(found, name) for name in ("value", "stderr", "low", "high", "detectable")}
    parts = {name: None if value is None else round(value, 6) for name, value in parts.items()}
    return entry | parts | {"p": _digits(found.p), "test": found.test, "items": found.items}


def _judged(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add `p_adjusted` over all of `entries` and the `verdict`: it needs both the interval without 0 and the adjusted p."""
    tested = [entry for entry in entries if entry["p"] is not None]
    for entry in entries:
        entry |= {"p_adjusted": None, "verdict": NOT_FINITE}
    for entry, p in zip(tested, holm([entry["p"] for entry in tested]), strict=True):
        low, high = entry["low"], entry["high"]
        evident = low is not None and not low <= 0 <= high and p <= LEVEL
        better = (entry["value"] < 0) == (entry["measure"] == "loss")
        entry |= {"p_adjusted": _digits(p), "verdict": ("better" if better else "worse") if evident else NO_EVIDENCE}
    return entries


def _digits(p: float) -> float:
    """Four significant digits: a small p is not 0."""
    return float(f"{p:.4g}")
