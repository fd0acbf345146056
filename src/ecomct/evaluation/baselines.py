"""Trivial baselines: answers that need no model. A model that does not beat them has shown nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ecomct.evaluation.ecominstruct import TaskItem
from ecomct.evaluation.metrics import ItemScore, parse_spans, rouge_l_tokens, rouge_tokens, score

# Above this many labels only the majority is listed, not one constant for each label.
_MAX_CONSTANTS = 10
_KEY = re.compile(r"(?:^|#;#)[^#]*#:#")


def baselines(scorer: str, items: Sequence[TaskItem]) -> dict[str, list[ItemScore]]:
    """Return name -> the score of each item, for the trivial answers to `items`.

    choice: the majority gold label of these items, and each other label as a constant. spans: no
    span at all, and the whole sentence as a span of the most frequent type. rouge: the input's
    values without their keys (``key#:#value`` pairs joined by ``#;#``; the whole input where there
    are none), the whole input, and the most typical answer of the *other* items.
    """
    if scorer == "choice":
        return _choice(items)
    if scorer == "spans":
        return _spans(items)
    return _rouge(items)


def copied_values(text: str) -> str:
    """The values of an attribute string, joined by spaces; `text` itself where it holds no pair."""
    return _KEY.sub(" ", text).strip() if "#:#" in text else text


def _constant(scorer: str, prediction: str, items: Sequence[TaskItem]) -> list[ItemScore]:
    return [score(scorer, prediction, item.answers) for item in items]


def _choice(items: Sequence[TaskItem]) -> dict[str, list[ItemScore]]:
    labels = items[0].candidates
    counts = Counter(answer for item in items for answer in item.answers)
    majority = max(labels, key=lambda label: (counts[label], -labels.index(label)))
    found = {f"majority ({majority})": _constant("choice", majority, items)}
    if len(labels) <= _MAX_CONSTANTS:
        found |= {f"always {label}": _constant("choice", label, items) for label in labels if label != majority}
    return found


def _spans(items: Sequence[TaskItem]) -> dict[str, list[ItemScore]]:
    counts = Counter(label for item in items for label, _ in parse_spans(item.answers[0]))
    found = {"all None": _constant("spans", "", items)}
    if counts:
        label = min(counts, key=lambda label: (-counts[label], label))
        found[f"whole sentence as {label}"] = [
            score("spans", f"{label}: {' '.join(item.text.split())}", item.answers) for item in items
        ]
    return found


def _rouge(items: Sequence[TaskItem]) -> dict[str, list[ItemScore]]:
    found = {"copy the input values": [score("rouge", copied_values(item.text), item.answers) for item in items]}
    if any("#:#" in item.text for item in items):
        found["copy the input"] = [score("rouge", item.text, item.answers) for item in items]
    if len(items) > 1:
        found["typical answer of other items"] = _typical(items)
    return found


def _typical(items: Sequence[TaskItem]) -> list[ItemScore]:
    """Score each item by the answer that fits the remaining items best on average (leave-one-out).

    Leaving the item out keeps its own answer, which would score 1, from choosing itself. Cost:
    len(items)^2 comparisons.
    """
    answers = [[rouge_tokens(answer) for answer in item.answers] for item in items]
    fit = np.array([[max(rouge_l_tokens(own[0], reference) for reference in other) for other in answers] for own in answers])
    np.fill_diagonal(fit, 0.0)
    total = fit.sum(axis=1)
    scores = []
    for i in range(len(items)):
        without = total - fit[:, i]
        without[i] = -1.0
        scores.append(ItemScore(float(fit[int(without.argmax()), i]), 1.0))
    return scores
