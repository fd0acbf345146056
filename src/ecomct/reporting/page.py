"""The page that ends a run: one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ecomct.atomic import write_atomic
from ecomct.recipe.model import ARMS, Recipe
from ecomct.reporting.artefacts import read_run
from ecomct.reporting.charts import by_arm, charts
from ecomct.reporting.comparison import answers, by_measure, columns, held_out_lines, last_of_each_arm, ordered
from ecomct.reporting.figures import PALETTE, draw
from ecomct.reporting.removed import read_removed
from ecomct.reporting.samples import read_samples
from ecomct.reporting.tables import (
    COVERAGE_LABELS,
    STAGES,
    headline,
    ledger_blocks,
    ledger_example,
    short,
    stage_states,
    token_lines,
    token_totals,
    training_lines,
    words,
)


def write_report(recipe: Recipe, run: Path, out: Path, arms: Sequence[str] = ARMS) -> dict[str, Any]:
    """Write `out`/index.html, figures/*.svg and data/*.csv (the data of each figure) from the artefacts in `run`.

    `arms` are those of this run: models of others may lie in the folder, made by other settings.
    Any artefact may be missing: its section then names the stage that has not run. Equal artefacts and
    recipe give equal bytes; the page holds no time and no absolute path, runs no script and fetches nothing.
    All text from data is escaped. Memory stays bounded by one row group of the documents.

    Returns {"figures", "samples", "missing": [stage], "ledger_closes": bool | None}. Raises InputError
    where an artefact is damaged.
    """
    found = read_run(run, arms)
    drawn = charts(found)
    svg = {name: draw(chart) for name, chart in drawn.items()}
    removed = read_removed(run, found.ledger or [])
    states = stage_states(found) | {"screen": removed.leaks is not None}
    blocks = ledger_blocks(found.ledger or [])
    lines = token_lines(found)
    models = ordered(found.scores) if found.scores else []
    sample_arm, samples = read_samples(recipe, run) if found.sequences else (None, [])
    shown = dict.fromkeys(piece.source for sample in samples for piece in sample.pieces)
    # Colours go to the sources in the recipe's order, among those that appear: fewer share one.
    place = {name: index for index, name in enumerate(recipe.sources)}
    tints = {name: index % len(PALETTE) for index, name in enumerate(sorted(shown, key=lambda n: (place.get(n, len(place)), n)))}
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            recipe=recipe,
            run=found,
            stages=STAGES,
            states=states,
            coverage_labels=COVERAGE_LABELS,
            numbers=headline(recipe, found),
            token_lines=lines,
            totals=token_totals(lines),
            removed=removed,
            blocks=blocks,
            example=ledger_example(blocks),
            broken=[entry for block in blocks for entry in block.entries if not entry.closes],
            arms=by_arm(found.sequences.arms) if found.sequences else [],
            training=training_lines(found),
            models=models,
            columns=columns(found.scores, models) if found.scores else [],
            last_models=last_of_each_arm(models),
            held_out=held_out_lines(models),
            differences=by_measure(found.scores.differences.models) if found.scores else [],
            over_baselines=by_measure(found.scores.differences.baselines) if found.scores else [],
            answered=answers(models),
            arm_sources=sorted(
                {name for arm in (found.sequences.arms.values() if found.sequences else ()) for name in arm.sources}
            ),
            untrained=[arm for arm in recipe.training.arms if arm not in found.training],
            charts=drawn,
            # The only text that is not escaped: what figures.draw wrote, which is escaped XML, and our own style sheet.
            svg={name: Markup(text) for name, text in svg.items()},
            css=Markup((files("ecomct.reporting") / "templates" / "report.css").read_text(encoding="utf-8")),
            sample_arm=sample_arm,
            samples=samples,
            tints=tints,
        )
    )
    for name, chart in drawn.items():
        write_atomic(out / "figures" / f"{name}.svg", svg[name])
        write_atomic(out / "data" / f"{name}.csv", chart.csv())
    _remove_others(out, set(drawn))
    # A lone surrogate in some JSON string is the only text that UTF-8 cannot hold.
    write_atomic(out / "index.html", page.encode("utf-8", "replace"))
    closes = None if found.ledger is None else all(block.closes for block in blocks)
    missing = [stage for stage, ran in states.items() if not ran]
    return {"figures": len(drawn), "samples": len(samples), "missing": missing, "ledger_closes": closes}


def _remove_others(out: Path, names: set[str]) -> None:
    """Drop figures of an earlier report that this one does not have, so that the folder depends on the run alone."""
    for folder, suffix in (("figures", ".svg"), ("data", ".csv")):
        for path in sorted((out / folder).glob(f"*{suffix}")):
            if path.stem not in names:
                path.unlink()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ecomct.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda value: "–" if value is None else f"{value:,}"
    environment.filters["fixed"] = lambda value, digits=3: "–" if value is None else f"{value:,.{digits}f}"
    environment.filters["percent"] = lambda value, digits=1: "–" if value is None else f"{100 * value:.{digits}f} %"
    environment.filters["share"] = lambda value, percent: f"{100 * value:,.1f}" if percent else f"{value:,.3f}"
    environment.filters["change"] = lambda value, percent: f"{100 * value:+,.1f}" if percent else f"{value:+,.3f}"
    environment.filters["p"] = lambda value: "–" if value is None else f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"
    environment.filters["words"] = words
    environment.filters["number"] = _number
    environment.filters["short"] = short
    return environment


def _number(value: float | None) -> str:
    """A whole number without decimals, any other with three."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"
