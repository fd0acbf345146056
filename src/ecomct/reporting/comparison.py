"""Which differences between models the scores carry, and which they do not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ecomct.evaluation.differences import NO_EVIDENCE
from ecomct.recipe.model import ARMS
from ecomct.reporting.artefacts import Difference, Loss, ModelScores, Score, Scores

# Half-width of a 95 % normal interval in standard errors.
NORMAL_95 = 1.959964
METRICS = {"f1": "span F1", "rouge_l": "ROUGE-L"}


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
        verdicts = verdicts_on_base(scores, language, loss=True)
        cells = [estimate(loss) for loss in losses]
        result.append(_column(f"held-out loss, {language}", detail, False, cells, models, [], verdicts))
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
        verdicts = verdicts_on_base(scores, name, loss=False)
        result.append(_column(name, detail, True, [estimate(score) for score in given], models, baselines, verdicts))
    return result


def verdicts_on_base(scores: Scores, of: str, *, loss: bool) -> dict[str, str]:
    """Model to the verdict of its paired comparison with the base, on the loss of a language or on a task."""
    bases = {model.model for model in scores.models if model.arm == "base"}
    entries = [e for e in scores.differences.models if e.against in bases and e.of == of and e.percent != loss]
    return {entry.model: entry.verdict for entry in entries}


def by_measure(entries: list[Difference]) -> list[tuple[str, list[Difference]]]:
    """Comparisons under what they measure: held-out losses first, then tasks, as they come."""
    groups: dict[str, list[Difference]] = {}
    for entry in sorted(entries, key=lambda entry: entry.percent):
        label = f"{entry.of}, {METRICS.get(entry.measure, entry.measure)} %" if entry.percent else f"held-out loss, {entry.of}"
        groups.setdefault(label, []).append(entry)
    return list(groups.items())


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
    verdicts: dict[str, str],
) -> Column:
    """Mark what the paired comparisons say against the base; only a best that is better by them is named best."""
    base_at = next((index for index, model in enumerate(models) if model.arm == "base"), None)
    base = None if base_at is None else cells[base_at]
    sign = 1.0 if percent else -1.0
    others = [(index, cell) for index, cell in enumerate(cells) if cell is not None and cell.finite and index != base_at]
    compared = [(index, cell) for index, cell in others if models[index].model in verdicts]
    marks = [""] * len(cells)
    for index, _ in compared:
        verdict = verdicts[models[index].model]
        marks[index] = verdict if verdict in ("better", "worse") else ""
    best: int | None = None
    if not others:
        verdict = "no trained model was scored"
    elif base is None or not base.finite:
        verdict = "the base has no score to compare with"
    elif not compared:
        verdict = "not compared"
    else:
        leader, _ = max(compared, key=lambda pair: (sign * pair[1].value, -pair[0]))
        if marks[leader] == "better":
            best, verdict = leader, f"{models[leader].model} is better than the base"
        elif "better" in marks:
            verdict = "the best is not known to differ from the base; some below it are better"
        elif all(marks[index] == "worse" for index, _ in compared):
            verdict = "every arm is worse than the base"
        else:
            verdict = NO_EVIDENCE
    if baselines and others and all(cell.value <= baselines[0][1].value for _, cell in others):
        verdict += "; no model is over the strongest trivial baseline"
    return Column(title, detail, percent, cells, marks, best, verdict, baselines)
