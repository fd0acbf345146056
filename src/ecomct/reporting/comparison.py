"""Which differences between models the scores carry, and which they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecomct.recipe.model import ARMS
from ecomct.reporting.artefacts import Loss, ModelScores, Score, Scores

# Half-width of a 95 % normal interval in standard errors.
NORMAL_95 = 1.959964
METRICS = {"f1": "span F1", "rouge_l": "ROUGE-L"}
NO_EVIDENCE = "no evidence of a difference"


@dataclass(frozen=True)
class Estimate:
    """A measured value with its standard error and, where it has one, its 95 % interval.

    `value` is NaN where the measurement was made and is not finite: a diverged model, not a missing one.
    """

    value: float
    stderr: float | None
    low: float | None
    high: float | None

    @property
    def finite(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)

    def excludes(self, other: Estimate) -> bool:
        """Whether the two intervals have no point in common; without both intervals, no."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        return self.low > other.high or self.high < other.low


@dataclass(frozen=True)
class Column:
    """One measure over all models (cells in the order of the models) and over its trivial baselines, strongest first."""

    title: str
    detail: str
    percent: bool
    cells: list[Estimate | None]
    marks: list[str]
    best: int | None
    verdict: str
    baselines: list[tuple[str, Estimate]]


def ordered(scores: Scores) -> list[ModelScores]:
    """Models in the order of the page: the base, then arm by arm, step by step."""
    place = {arm: index for index, arm in enumerate(("base", *ARMS))}
    return sorted(scores.models, key=lambda m: (place.get(m.arm, len(place)), m.arm, m.step, m.model))


def estimate(score: Score | Loss | None) -> Estimate | None:
    """Bring a loss or a metric into one form; the interval comes from the standard error where none is given."""
    if score is None:
        return None
    value = score.loss if isinstance(score, Loss) else score.value
    if value is None or not math.isfinite(value):
        return Estimate(math.nan, None, None, None)
    low, high = (score.low, score.high) if isinstance(score, Score) else (None, None)
    if (low is None or high is None) and score.stderr is not None:
        low, high = value - NORMAL_95 * score.stderr, value + NORMAL_95 * score.stderr
    return Estimate(value, score.stderr, low, high)


def columns(scores: Scores, models: list[ModelScores]) -> list[Column]:
    """The score table by columns: held-out loss by language (zh first), then the tasks by name."""
    result = []
    languages = sorted({language for model in models for language in model.held_out_by_language}, reverse=True)
    for language in languages:
        losses = [model.held_out_by_language.get(language) for model in models]
        documents = next((loss.documents for loss in losses if loss is not None and loss.documents), None)
        detail = "nats a token, lower is better" + (f"; {documents:,} documents" if documents else "")
        result.append(_column(f"held-out loss, {language}", detail, False, [estimate(loss) for loss in losses], models, []))
    # A task's metric is a share that a better model has more of; a loss is neither.
    names = sorted(set(scores.tasks) | set(scores.baselines) | {task for model in models for task in model.tasks})
    for name in names:
        given = [model.tasks.get(name) for model in models]
        every = [(label, estimate(score)) for label, score in scores.baselines.get(name, {}).items()]
        baselines = [(label, found) for label, found in every if found is not None and found.finite]
        baselines.sort(key=lambda pair: (-pair[1].value, pair[0]))
        facts = [score for score in (*given, *scores.baselines.get(name, {}).values()) if score is not None]
        metric = next((METRICS.get(score.metric, score.metric) for score in facts if score.metric), "score")
        items = next((score.items for score in facts if score.items is not None), None)
        detail = f"{metric} %" + (f", {items:,} items" if items is not None else "")
        result.append(_column(name, detail, True, [estimate(score) for score in given], models, baselines))
    return result


def last_of_each_arm(models: list[ModelScores]) -> list[ModelScores]:
    """The models with the most steps of their arm, in the given order."""
    last = {model.arm: model.step for model in sorted(models, key=lambda model: model.step)}
    return [model for model in models if model.step == last[model.arm]]


def held_out_lines(models: list[ModelScores]) -> list[tuple[str, str, Loss, list[Estimate | None]]]:
    """Source, language, facts of the text and the losses of `last_of_each_arm(models)`, by source, zh first."""
    shown = last_of_each_arm(models)
    found: dict[tuple[str, str], Loss] = {}
    for model in shown:
        for source, by_language in model.held_out.items():
            for language, loss in by_language.items():
                found.setdefault((source, language), loss)
    keys = sorted(found, key=lambda key: (key[0], key[1] != "zh", key[1]))
    return [(s, lang, found[s, lang], [estimate(m.held_out.get(s, {}).get(lang)) for m in shown]) for s, lang in keys]


def answers(models: list[ModelScores]) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """Task, model and its most frequent answers with their shares, where a task has a few possible answers.

    A model that gives one answer to everything is a constant, whatever its score.
    """
    lines = []
    for task in sorted({task for model in models for task in model.tasks}):
        for model in models:
            score = model.tasks.get(task)
            if score is not None and score.predicted:
                shares = sorted(score.predicted.items(), key=lambda pair: (-(pair[1] or 0.0), pair[0]))
                lines.append((task, model.model, [(answer, share) for answer, share in shares[:6] if share]))
    return lines


def _column(
    title: str,
    detail: str,
    percent: bool,
    cells: list[Estimate | None],
    models: list[ModelScores],
    baselines: list[tuple[str, Estimate]],
) -> Column:
    """Compare every model with the base; only a best whose interval excludes the base's is named best."""
    base_at = next((index for index, model in enumerate(models) if model.arm == "base"), None)
    base = None if base_at is None else cells[base_at]
    sign = 1.0 if percent else -1.0
    marks = [""] * len(cells)
    others = [(index, cell) for index, cell in enumerate(cells) if cell is not None and cell.finite and index != base_at]
    if base is not None and base.finite:
        for index, cell in others:
            if cell.excludes(base):
                marks[index] = "better" if sign * (cell.value - base.value) > 0 else "worse"
    best: int | None = None
    if not others:
        verdict = "no trained model was scored"
    elif base is None or not base.finite:
        verdict = "the base has no score to compare with"
    else:
        leader, _ = max(others, key=lambda pair: (sign * pair[1].value, -pair[0]))
        if marks[leader] == "better":
            best, verdict = leader, f"{models[leader].model} is better than the base"
        elif "better" in marks:
            verdict = "the best overlaps the base; some below it do not"
        elif all(marks[index] == "worse" for index, _ in others):
            verdict = "every trained model is worse than the base"
        else:
            verdict = NO_EVIDENCE
    if baselines and others and all(cell.value <= baselines[0][1].value for _, cell in others):
        verdict += "; no model is over the strongest trivial baseline"
    return Column(title, detail, percent, cells, marks, best, verdict, baselines)
