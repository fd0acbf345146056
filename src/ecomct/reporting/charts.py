"""The data behind each figure. A figure is drawn from these rows and nothing else; its CSV is the same rows."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import Any

from ecomct.recipe.model import ARMS
from ecomct.reporting.artefacts import Point, Run, SourcePoint
from ecomct.reporting.comparison import estimate, ordered

# Points of one curve; a longer run is shown by means over blocks of steps, which keeps the page small.
MOST_POINTS = 400
# A step holds few tokens of a small source, so its curve needs wider blocks to be read; and lines beside each other fewer points.
MOST_SOURCE_POINTS = 40
MOST_SOURCES = 8


@dataclass(frozen=True)
class Chart:
    """One figure: `kind` says how it is drawn, `rows` what is drawn (one tuple a point or bar, as in `columns`)."""

    name: str
    kind: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def csv(self) -> str:
        """The rows as CSV with a header line; numbers are written so that they read back equal."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()


def charts(run: Run) -> dict[str, Chart]:
    """All figures that the artefacts of `run` allow, by name."""
    found = [
        _histogram(run, "cluster-sizes", "Rows in a cluster", "rows"),
        _histogram(run, "sources-per-sample", "Sources in a sample", "sources"),
        _streams(run),
        _training(run),
        _by_source(run),
        *(_held_out(run, language) for language in ("zh", "en")),
    ]
    return {chart.name: chart for chart in found if chart is not None and chart.rows}


def _histogram(run: Run, name: str, title: str, unit: str) -> Chart | None:
    if run.mixture is None:
        return None
    counts = run.mixture.cluster_size_histogram if name == "cluster-sizes" else run.mixture.sources_histogram
    noun = "clusters" if name == "cluster-sizes" else "samples"
    return Chart(name, "histogram", title, f"Number of {noun} with so many {unit}.", (unit, noun), sorted(counts.items()))


def _streams(run: Run) -> Chart | None:
    if run.sequences is None:
        return None
    rows = [
        (arm, stream, measures.tokens, measures.repeats)
        for arm, found in by_arm(run.sequences.arms)
        for stream, measures in sorted(found.streams.items())
    ]
    caption = "Tokens of each arm by stream: what the models read."
    return Chart("tokens-by-stream", "stacked", "Tokens by stream", caption, ("arm", "stream", "tokens", "repeats"), rows)


def _training(run: Run) -> Chart | None:
    longest = max((len(points) for points in run.training.values()), default=0)
    block = math.ceil(longest / MOST_POINTS) or 1
    rows = [(arm, *point) for arm, points in by_arm(run.training) for point in _blocks(points, block)]
    caption = "Training loss in nats a token at each logged step."
    if block > 1:
        caption = f"Training loss in nats a token; each point is the mean of {block} logged steps, at the last of them."
    return Chart("training-loss", "curves", "Training loss", caption, ("arm", "step", "tokens", "loss"), rows)


def _blocks(points: list[Point], size: int) -> list[tuple[int, int | None, float]]:
    """Means over blocks of `size` points. One loss that is not finite makes its block not finite: a gap, not a guess."""
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1].step, group[-1].tokens, sum(point.loss for point in group) / len(group)) for group in groups]


def _by_source(run: Run) -> Chart | None:
    """Curves of the sources with the most tokens; language by language, which differ in what a token is."""
    tokens: dict[str, int] = {}
    for point in (point for points in run.by_source.values() for point in points):
        for source, languages in point.losses.items():
            tokens[source] = tokens.get(source, 0) + sum(count for _, count in languages.values())
    largest = sorted(tokens, key=lambda source: (-tokens[source], source))[:MOST_SOURCES]
    longest = max((len(points) for points in run.by_source.values()), default=0)
    block = math.ceil(longest / MOST_SOURCE_POINTS) or 1
    rows = [(arm, *point) for arm, points in by_arm(run.by_source) for point in _source_blocks(points, block, largest)]
    caption = "Training loss in nats a token, by the source and language of the row that each predicted token belongs to."
    if block > 1:
        caption += f" Each point is the mean over the tokens of {block} steps, at the last of them."
    if len(tokens) > len(largest):
        caption += f" The {len(largest)} sources with the most tokens of {len(tokens)}; losses.jsonl has all."
    columns = ("arm", "source", "language", "step", "tokens", "loss")
    return Chart("training-loss-by-source", "sources", "Training loss by source", caption, columns, rows)


def _source_blocks(points: list[SourcePoint], size: int, sources: list[str]) -> list[tuple[str, str, int, int, float]]:
    """Token means over blocks of `size` steps: source, language, last step, tokens, loss. A mean that is not finite stays so."""
    found: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for start in range(0, len(points), size):
        group = points[start : start + size]
        sums: dict[tuple[str, str], tuple[float, int]] = {}
        for point in group:
            for source in sources:
                for language, (mean, count) in sorted(point.losses.get(source, {}).items()):
                    total, tokens = sums.get((source, language), (0.0, 0))
                    sums[source, language] = total + (math.nan if mean is None else mean) * count, tokens + count
        for key, (total, tokens) in sums.items():
            if tokens:
                found.setdefault(key, []).append((group[-1].step, tokens, total / tokens))
    order = sorted(found, key=lambda key: (sources.index(key[0]), key[1] != "zh", key[1]))
    return [(*key, *point) for key in order for point in found[key]]


def _held_out(run: Run, language: str) -> Chart | None:
    if run.scores is None:
        return None
    rows = []
    for model in ordered(run.scores):
        found = estimate(model.held_out_by_language.get(language))
        # A tuned model's steps do not begin at the base: it is in the table.
        if found is not None and found.finite and not model.is_tuned:
            rows.append((model.arm, model.step, found.value, found.stderr))
    caption = f"Loss on held-out {language} text, ± one standard error; every arm starts at the base (step 0)."
    return Chart(f"held-out-{language}", "steps", f"Held-out loss, {language}", caption, ("arm", "step", "loss", "stderr"), rows)


def by_arm(values: dict[str, Any]) -> list[tuple[str, Any]]:
    """Items in the paper's order of arms, unknown names last."""
    return sorted(values.items(), key=lambda item: (ARMS.index(item[0]) if item[0] in ARMS else len(ARMS), item[0]))
