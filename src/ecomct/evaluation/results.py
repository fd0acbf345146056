"""From answers to numbers: aggregates of one model, of the baselines, and the table of all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecomct.evaluation.differences import NO_EVIDENCE
from ecomct.evaluation.metrics import METRICS, ROUGE_L, ItemScore, macro_spans, rouge_l, score
from ecomct.evaluation.statistics import estimate
from ecomct.evaluation.workload import EncodedTask, Workload

# In a cell; the table's last line says what it stands for.
_SHORT = "no evidence"
_TITLES = {"choice": "accuracy %", "spans": "F1 %", "rouge": "ROUGE-L %"}


def rounded(value: float | None) -> float | None:
    """Six decimals: finer than any score means, coarser than the noise of another order of summing.

    None where `value` is not finite, which JSON cannot say.
    """
    return None if value is None or not math.isfinite(value) else round(value, 6)


def model_results(work: Workload, losses: Sequence[float], answers: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """Return {"documents", "items", "scores"}: what each question added, and the aggregates.

    `losses` are nats a document, `answers[task]` the answers to its items, each with a "prediction".
    """
    documents = [
        {"source": d.source, "language": d.language, "row": d.row, "loss": rounded(loss), "tokens": len(d.ids) - 1}
        | {"characters": d.characters}
        for d, loss in zip(work.documents, losses, strict=True)
    ]
    items: dict[str, Any] = {}
    tasks: dict[str, Any] = {}
    for name, task in work.tasks.items():
        predictions = [answer["prediction"] for answer in answers[name]]
        judged = [score(task.scorer, text, item.answers) for text, item in zip(predictions, task.items, strict=True)]
        tasks[name] = _task(task, judged, predictions)
        rows = zip(task.items, answers[name], judged, strict=True)
        items[name] = [{"line": item.line, **answer, **_item(task.scorer, one)} for item, answer, one in rows]
    pairs = sorted({(d.source, d.language) for d in work.documents})
    by_source: dict[str, dict[str, Any]] = {source: {} for source, _ in pairs}
    for source, language in pairs:
        by_source[source][language] = _held_out(work, losses, source, language)
    by_language = {language: _held_out(work, losses, None, language) for language in sorted({language for _, language in pairs})}
    scores = {"held_out": by_source, "held_out_by_language": by_language, "tasks": tasks}
    return {"documents": documents, "items": items, "scores": scores}


def _held_out(work: Workload, losses: Sequence[float], source: str | None, language: str) -> dict[str, Any]:
    """Token-mean loss of a language's documents, of one source or of all."""
    chosen = [
        (loss, len(d.ids) - 1, d.characters)
        for d, loss in zip(work.documents, losses, strict=True)
        if d.language == language and source in (None, d.source)
    ]
    found = estimate([loss for loss, _, _ in chosen], [tokens for _, tokens, _ in chosen], share=False)
    characters = sum(count for _, _, count in chosen)
    bits = math.fsum(loss for loss, _, _ in chosen) / math.log(2)
    return {
        "loss": rounded(found.value),
        "stderr": rounded(found.stderr),
        "tokens": sum(tokens for _, tokens, _ in chosen),
        "documents": found.items,
        "bits_per_character": rounded(bits / characters) if characters else None,
    }


def _task(task: EncodedTask, judged: Sequence[ItemScore], predictions: Sequence[str]) -> dict[str, Any]:
    found = estimated(task.scorer, judged)
    if task.scorer == "choice":
        shares = {label: predictions.count(label) / len(predictions) for label in task.task.labels}
        found["predicted"] = {label: rounded(share) for label, share in shares.items() if share}
    if task.scorer == "spans":
        matched = [one.matched for one in judged]
        found["precision"] = rounded(estimate(matched, [one.predicted for one in judged]).value)
        found["recall"] = rounded(estimate(matched, [one.gold for one in judged]).value)
        macro = macro_spans(predictions, [item.answers[0] for item in task.items])
        found |= {f"macro_{name}": rounded(value) for name, value in zip(("precision", "recall", "f1"), macro, strict=True)}
    if task.scorer == "rouge":
        # What a published number may have meant: the same answers by other definitions.
        texts = [(text, item.answers) for text, item in zip(predictions, task.items, strict=True)]
        found["by_definition"] = {
            name: rounded(math.fsum(rouge_l(text, answers, name) for text, answers in texts) / len(texts)) for name in ROUGE_L
        }
    if task.scorer != "choice":
        found["exact_match"] = rounded(sum(one.exact for one in judged) / len(judged))
    return found


def estimated(scorer: str, judged: Sequence[ItemScore]) -> dict[str, Any]:
    """Return a task's metric over its judged items, with standard error and interval."""
    found = estimate([one.numerator for one in judged], [one.denominator for one in judged])
    return {
        "metric": METRICS[scorer],
        "value": rounded(found.value),
        "stderr": rounded(found.stderr),
        "low": rounded(found.low),
        "high": rounded(found.high),
        "items": found.items,
    }


def _item(scorer: str, one: ItemScore) -> dict[str, Any]:
    found: dict[str, Any] = {"numerator": rounded(one.numerator), "denominator": one.denominator}
    if scorer == "spans":
        found |= {"matched": one.matched, "predicted": one.predicted, "gold": one.gold}
    if scorer != "choice":
        found["exact"] = one.exact
    return found


def table(scores: dict[str, Any]) -> list[list[str]]:
    """Return `scores` as a header and rows: models, trivial baselines of each task, differences.

    Columns: held-out loss by language (nats a token), then each task's metric, as "value ± standard
    error"; loss with three decimals, shares in percent with one. An empty cell was not measured. A row
    "A - B" has the paired difference with its 95 % interval and what it is worth.
    """
    languages = sorted({x for model in scores["models"] for x in model["held_out_by_language"]}, key=lambda x: (x != "zh", x))
    tasks = sorted(scores["tasks"])
    rows = [
        [
            "model",
            *(f"loss {language}" for language in languages),
            *(f"{task} {_TITLES[scores['tasks'][task]['scorer']]}" for task in tasks),
        ]
    ]
    for model in scores["models"]:
        losses = [model["held_out_by_language"].get(language) for language in languages]
        rows.append(
            [model["model"], *("" if x is None else _cell(x["loss"], x["stderr"], 1, 3) for x in losses)]
            + [_cell(model["tasks"][task]["value"], model["tasks"][task]["stderr"], 100, 1) for task in tasks]
        )
    for task in tasks:
        for name, found in scores["baselines"][task].items():
            cells = [_cell(found["value"], found["stderr"], 100, 1) if other == task else "" for other in tasks]
            rows.append([f"{task}: {name}", *("" for _ in languages), *cells])
    # A task may be named as a language is.
    columns = [*((True, name) for name in languages), *((False, name) for name in tasks)]
    lines: dict[str, list[str]] = {}
    for kind in ("models", "baselines"):
        for entry in scores["differences"][kind]:
            against = entry["against"] if kind == "models" else "best trivial"
            row = lines.setdefault(f"{entry['model']} - {against}", [""] * len(columns))
            row[columns.index((entry["measure"] == "loss", entry["of"]))] = _difference(entry)
    rows += [[name, *cells] for name, cells in lines.items()]
    if any(_SHORT in cell for row in rows for cell in row):
        rows.append([f"{_SHORT}: {NO_EVIDENCE}; the interval holds 0, or p after Holm's correction is over 0.05"])
    return rows


def _difference(entry: dict[str, Any]) -> str:
    verdict = _SHORT if entry["verdict"] == NO_EVIDENCE else str(entry["verdict"])
    if entry["value"] is None:
        return verdict
    scale, digits = (1, 3) if entry["measure"] == "loss" else (100, 1)
    value, low, high = ("" if x is None else f"{x * scale:+.{digits}f}" for x in (entry["value"], entry["low"], entry["high"]))
    return f"{value} [{low}, {high}]\n{verdict}" if low else f"{value}\n{verdict}"


def _cell(value: float | None, stderr: float | None, scale: int, digits: int) -> str:
    if value is None:
        return "not finite"
    error = "" if stderr is None else f" ± {stderr * scale:.{digits}f}"
    return f"{value * scale:.{digits}f}{error}"
