"""The numbers of the page's headline and tables, worked out from the artefacts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ecomct.recipe.model import Recipe
from ecomct.reporting.artefacts import Entry, ModelScores, Point, Run, Volume
from ecomct.reporting.charts import by_arm
from ecomct.reporting.comparison import NO_EVIDENCE, estimate, ordered, verdicts_on_base

# The stages whose figures the page shows, in order, each with what it leaves.
STAGES = {
    "ingest": "documents",
    "screen": "screen/measures.json",
    "link": "links",
    "tokenize": "tokens/measures.json",
    "mix": "mixture/measures.json",
    "pack": "sequences/measures.json",
    "train": "training/<arm>/metrics.jsonl",
    "evaluate": "evaluation/scores.json",
}
# What the entries of the mixture's product_coverage are, and shares of what.
COVERAGE_LABELS = {
    "any": ("Products with a cluster", "share of all products"),
    "two_or_more_sources": ("Products with a cluster of several sources", "share of the products that have several sources"),
}


@dataclass(frozen=True)
class Number:
    """One of the five numbers at the top; `value` is None where its stage has not run."""

    label: str
    value: str | None
    detail: str


@dataclass
class Total:
    """Sums over sources; `rows` only where all languages are meant, since a row gets its language as a document."""

    label: str
    rows: int | None
    documents: int = 0
    tokens: int = 0
    characters: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class TokenLine:
    """One source in one language. Facts of the whole source stand on its first line only: `span` lines, else 0."""

    source: str
    kind: str
    role: str
    license: str
    rows: int | None
    span: int
    language: str
    documents: int
    tokens: int
    characters: int
    bytes: int


@dataclass
class LedgerBlock:
    """The lines of one stage (and arm) with their sums."""

    stage: str
    arm: str | None
    entries: list[Entry] = field(default_factory=list)

    @property
    def closes(self) -> bool:
        """Whether every line closes."""
        return all(entry.closes for entry in self.entries)

    def total(self, name: str) -> int:
        """Sum of a count, or of a count by reason, over the sources."""
        values = [getattr(entry.counts, name) for entry in self.entries]
        return sum(sum(value.values()) if isinstance(value, dict) else value for value in values)


@dataclass(frozen=True)
class TrainingLine:
    """First and last of a loss curve; `late` is the mean over its last tenth, which is less noisy than one step."""

    arm: str
    steps: int
    tokens: int | None
    first: float
    last: float
    late: float
    broken: int


def stage_states(run: Run) -> dict[str, bool]:
    """Which stages have left something."""
    booked = {entry.stage for entry in run.ledger or []}
    measured = {
        "tokenize": run.tokens is not None,
        "mix": run.mixture is not None,
        "pack": run.sequences is not None,
        "train": bool(run.training),
        "evaluate": run.scores is not None,
    }
    return {stage: measured.get(stage, stage in booked) for stage in STAGES}


def token_lines(run: Run) -> list[TokenLine]:
    """The paper's Table 1: domain sources first, then by name; languages zh first."""
    if run.tokens is None:
        return []
    read = {entry.source: entry.counts.rows_in for entry in run.ledger or [] if entry.stage == "ingest"}
    lines = []
    for name, source in sorted(run.tokens.sources.items(), key=lambda item: (item[1].role != "domain", item[0])):
        # A source of which nothing is left still has its line.
        volumes = sorted(source.language.items(), reverse=True) or [("–", Volume(documents=0, tokens=0, characters=0))]
        for index, (language, volume) in enumerate(volumes):
            span = len(volumes) if index == 0 else 0
            facts = (name, source.kind, source.role, source.license, read.get(name), span, language)
            lines.append(TokenLine(*facts, volume.documents, volume.tokens, volume.characters, volume.bytes))
    return lines


def token_totals(lines: list[TokenLine]) -> list[Total]:
    """Sums for each role and language, each role, and all."""
    totals: dict[str, Total] = {}
    for line in sorted(lines, key=lambda line: (line.language != "zh", line.language)):
        for label in (f"{line.role}, {line.language}", f"{line.role}, all languages", "everything"):
            if label.endswith("–"):
                continue
            total = totals.setdefault(label, Total(label, None if label == f"{line.role}, {line.language}" else 0))
            if total.rows is not None and line.span:
                total.rows += line.rows or 0
            total.documents += line.documents
            total.tokens += line.tokens
            total.characters += line.characters
            total.bytes += line.bytes
    order = {"domain": 0, "general": 1, "everything": 2}
    return sorted(totals.values(), key=lambda t: (order.get(t.label.partition(",")[0], 1), t.rows is not None))


def ledger_blocks(entries: Iterable[Entry]) -> list[LedgerBlock]:
    """Ledger lines grouped by stage and arm, stages in the order of the way of the data."""
    blocks: dict[tuple[str, str | None], LedgerBlock] = {}
    for entry in entries:
        blocks.setdefault((entry.stage, entry.arm), LedgerBlock(entry.stage, entry.arm)).entries.append(entry)
    order = {"ingest": 0, "link": 1, "mix": 2, "pack": 3}
    arms = {arm: index for index, (arm, _) in enumerate(by_arm({block.arm or "": None for block in blocks.values()}))}
    return sorted(blocks.values(), key=lambda b: (order.get(b.stage, len(order)), b.stage, arms[b.arm or ""]))


def ledger_example(blocks: list[LedgerBlock]) -> str | None:
    """One line of the ledger as a sentence: the one with the most kinds of loss, so that every word is explained."""
    entries = [entry for block in blocks for entry in block.entries if entry.closes and entry.counts.rows_in]
    if not entries:
        return None

    def kinds(entry: Entry) -> int:
        return bool(entry.counts.rejected) + bool(entry.counts.duplicates) + bool(entry.counts.leftovers)

    entry = max(entries, key=kinds)
    counts = entry.counts
    parts = [f"{counts.kept:,} went on"]
    parts += [f"{number:,} were rejected ({words(reason)})" for reason, number in counts.rejected.items() if number]
    parts += [f"{counts.duplicates:,} were duplicates"] if counts.duplicates else []
    parts += [f"{number:,} were left over ({words(reason)})" for reason, number in counts.leftovers.items() if number]
    numbers = [counts.kept, *counts.rejected.values(), counts.duplicates, *counts.leftovers.values()]
    total = " + ".join(f"{number:,}" for number in numbers if number)
    return (
        f"{counts.rows_in:,} rows of {entry.source} came into {entry.stage}: {', '.join(parts)}. "
        f"{total} = {counts.rows_in:,}, so no row went missing unseen."
    )


def training_lines(run: Run) -> list[TrainingLine]:
    """One line an arm."""
    lines = []
    for arm, points in by_arm(run.training):
        tail: list[Point] = points[-max(1, len(points) // 10) :]
        broken = sum(not math.isfinite(point.loss) for point in points)
        late = sum(point.loss for point in tail) / len(tail)
        lines.append(TrainingLine(arm, points[-1].step, points[-1].tokens, points[0].loss, points[-1].loss, late, broken))
    return lines


def headline(recipe: Recipe, run: Run) -> list[Number]:
    """The five numbers that matter."""
    return [_rows(run), _token_number(run), _mixing(run), _packing(recipe, run), _learning(run)]


def _rows(run: Run) -> Number:
    """Rows after linking, which takes out duplicates and held-out rows; before it has run, rows after ingest."""
    blocks = {block.stage: block for block in ledger_blocks(run.ledger or [])}
    if "ingest" not in blocks:
        return Number("Rows kept", None, "")
    label, last = ("Rows to train on", blocks["link"]) if "link" in blocks else ("Rows kept", blocks["ingest"])
    read, kept = blocks["ingest"].total("rows_in"), last.total("kept")
    return Number(label, f"{kept:,}", f"{100 * kept / read:.1f} % of {read:,} read" if read else "none were read")


def _token_number(run: Run) -> Number:
    if run.tokens is None:
        return Number("Tokens", None, "")
    by_role = {total.label: total.tokens for total in token_totals(token_lines(run))}
    parts = [f"{role} {short(by_role.get(f'{role}, all languages', 0))}" for role in ("domain", "general")]
    return Number("Tokens", short(by_role.get("everything", 0)), " · ".join(parts))


def _mixing(run: Run) -> Number:
    if run.mixture is None or run.mixture.mean_sources_per_sample is None:
        return Number("Sources in a sample", None, "")
    mean = run.mixture.mean_sources_per_sample
    share = f"; {100 * mean.ratio:.1f} % of it reached" if mean.ratio is not None else ""
    bound = f"at most {mean.bound:.3f} possible{share}" if mean.bound is not None else ""
    return Number("Sources in a sample, mean", f"{mean.value:.3f}", bound)


def _packing(recipe: Recipe, run: Run) -> Number:
    if run.sequences is None or not run.sequences.arms:
        return Number("Tokens in sequences", None, "")
    arms = run.sequences.arms
    arm = "mixed" if "mixed" in arms else next((name for name in recipe.training.arms if name in arms), next(iter(arms)))
    measures = arms[arm]
    fill = f", {100 * measures.fill:.2f} % full" if measures.fill is not None else ""
    return Number(f"Tokens in arm {arm}", short(measures.tokens), f"{measures.sequences:,} × {run.sequences.length:,}{fill}")


def _learning(run: Run) -> Number:
    """Held-out loss of the last checkpoint of the method's arm against the base; the last, not the best after the fact."""
    models = ordered(run.scores) if run.scores is not None else []
    base = next((model for model in models if model.arm == "base"), None)
    trained = [model for model in models if model.arm != "base" and not model.is_tuned]
    trained = [model for model in trained if model.arm == "mixed"] or trained
    if not trained or not trained[-1].held_out_by_language:
        return Number("Held-out loss", None, "")
    last: ModelScores = trained[-1]
    values, details = [], []
    for language, loss in sorted(last.held_out_by_language.items(), reverse=True):
        found = estimate(loss)
        start = estimate(base.held_out_by_language.get(language)) if base is not None else None
        values.append(f"{language}\u00a0{found.value:.3f}" if found and found.finite else f"{language}\u00a0not finite")
        if found and start and start.finite and run.scores is not None:
            known = verdicts_on_base(run.scores, language, loss=True).get(last.model) in ("better", "worse")
            word = "" if known else f" ({NO_EVIDENCE})"
            details.append(f"{language}\u00a0{start.value:.3f}{word}")
    detail = f"base: {' · '.join(details)}" if details else "no base to compare with"
    return Number(f"Held-out loss, {last.model}", "\n".join(values), detail)


def words(name: str) -> str:
    """A name from an artefact as a person writes it."""
    return name.replace("_", " ")


def short(value: float) -> str:
    """1234567 as 1.23 M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:,}"
