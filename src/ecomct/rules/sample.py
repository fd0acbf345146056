"""The second pass: what a mixed sample must pass as a whole, from sums over its rows. No text is needed.

A sample that fails is broken up: its rows are left over, each with the rule as its reason, and stand alone as other
leftovers do. So no row is lost, and arms keep the same rows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ecomct.rules.characters import letters
from ecomct.rules.contact import masked_characters

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
F64 = npt.NDArray[np.float64]


class SampleRows(NamedTuple):
    """Parallel arrays, one entry a row (or piece of one): its sample, numbered from 0, or -1, and counts of characters."""

    sample: I64
    chars: I64
    letters: I64  # letters and digits
    masked: I64  # placeholders of personal data


def row_counts(text: str) -> tuple[int, int, int]:
    """Characters, letters and digits, and characters of placeholders of a row's text: three columns of `SampleRows`.

    >>> row_counts("请打[PHONE]")
    (9, 7, 7)
    """
    return len(text), letters(text), masked_characters(text)


class RowKeys(NamedTuple):
    """Hashes by which rows are known as repeats: of the text, and the near-duplicate bands. Parallel arrays."""

    row: I64  # index into the rows
    key: U64


class SampleMeasures(NamedTuple):
    """Sums over the rows of each sample, by its number."""

    rows: I64
    chars: I64
    letters: I64
    masked: I64
    repeats: I64  # rows that share a key with an earlier row of their sample


class SampleRule(NamedTuple):
    """A measure of samples, its default threshold, and why."""

    measure: Callable[[SampleMeasures], F64]
    default: float
    reason: str


def measure_samples(rows: SampleRows, keys: RowKeys) -> SampleMeasures:
    """The measures of every sample from 0 to the largest number in `rows`. One sort of the keys; 40 bytes a key.

    >>> rows = SampleRows(np.array([0, 0, 1, -1]), *(np.array(counts) for counts in ([9, 5, 7, 8], [8, 4, 7, 8], [0, 0, 7, 0])))
    >>> keys = RowKeys(np.array([0, 1, 2, 3]), np.array([5, 5, 5, 5], dtype=np.uint64))
    >>> [column.tolist() for column in measure_samples(rows, keys)]
    [[2, 1], [14, 7], [12, 7], [0, 7], [1, 0]]
    """
    inside = rows.sample >= 0
    sample = rows.sample[inside]
    count = int(sample.max()) + 1 if len(sample) else 0

    def total(column: I64) -> I64:
        return np.bincount(sample, weights=column[inside], minlength=count).astype(np.int64)

    repeated = _repeated(rows.sample, keys)
    return SampleMeasures(
        np.bincount(sample, minlength=count).astype(np.int64),
        total(rows.chars),
        total(rows.letters),
        total(rows.masked),
        total(repeated.astype(np.int64)),
    )


def _repeated(sample: I64, keys: RowKeys) -> npt.NDArray[np.bool_]:
    """Of each row whether an earlier row of its sample has one of its keys."""
    repeated = np.zeros(len(sample), dtype=bool)
    use = sample[keys.row] >= 0
    row, key = keys.row[use], keys.key[use]
    order = np.lexsort((row, key, sample[row]))
    row, key = row[order], key[order]
    of_sample = sample[row]
    again = (of_sample[1:] == of_sample[:-1]) & (key[1:] == key[:-1]) & (row[1:] != row[:-1])
    repeated[row[1:][again]] = True
    return repeated


def _share(part: I64, whole: I64) -> F64:
    return part / np.maximum(1, whole)


# Asked in this order; `min_` fails below its threshold, `max_` above it.
SAMPLE_RULES: dict[str, SampleRule] = {
    "min_letters": SampleRule(
        lambda measures: measures.letters.astype(np.float64), 16, "Two words stand together and say nothing of each other."
    ),
    "min_alphanumeric": SampleRule(
        lambda measures: _share(measures.letters, measures.chars), 0.4, "Rows of signs that passed one by one."
    ),
    "max_masked": SampleRule(
        lambda measures: _share(measures.masked, measures.chars), 0.3, "A page of placeholders: a list of people, not of goods."
    ),
    "max_repeats": SampleRule(
        lambda measures: _share(measures.repeats, measures.rows),
        0.34,
        "More than a third of its rows repeat another: such a sample teaches to copy.",
    ),
}
# Reasons of a ledger by code; 0 is a sample that passes.
SAMPLE_REASONS = ("", *(f"sample_{name}" for name in SAMPLE_RULES))


def failing_samples(measures: SampleMeasures, overrides: Mapping[str, float | None] | None = None) -> npt.NDArray[np.int8]:
    """Of each sample the code (index into SAMPLE_REASONS) of the first rule it fails, 0 where it passes all.

    >>> counts = ([2, 3], [14, 50], [12, 40], [0, 0], [0, 1])
    >>> failing_samples(SampleMeasures(*map(np.array, counts))).tolist(), SAMPLE_REASONS[1]
    ([1, 0], 'sample_min_letters')
    """
    codes = np.zeros(len(measures.rows), dtype=np.int8)
    for code, (name, rule) in enumerate(SAMPLE_RULES.items(), 1):
        threshold = (overrides or {}).get(name, rule.default)
        if threshold is not None:
            value = rule.measure(measures)
            fails = value < threshold if name.startswith("min_") else value > threshold
            codes[fails & (codes == 0)] = code
    return codes


def leave_over(cluster: I64, failing: npt.NDArray[np.int8]) -> tuple[I64, npt.NDArray[np.int8]]:
    """Take failing samples apart: the cluster of each row (numbers dense again, in their order; -1 for none) and the code
    of the rule that it was left over by (0: not by one).

    >>> cluster, code = leave_over(np.array([0, 2, 1, -1, 2]), np.array([0, 3, 0], dtype=np.int8))
    >>> cluster.tolist(), code.tolist()
    ([0, 1, -1, -1, 1], [0, 0, 3, 0, 0])
    """
    code = np.where(cluster >= 0, np.append(failing, 0)[cluster], 0).astype(np.int8)
    number = np.cumsum(failing == 0) - 1
    kept = (cluster >= 0) & (code == 0)
    return np.where(kept, np.append(number, -1)[cluster], -1).astype(np.int64), code


def sample_problems(overrides: Mapping[str, float | None], where: str = "cleaning.samples") -> list[str]:
    """Faults of a recipe's thresholds for samples, each as `path: what`.

    >>> sample_problems({"min_leters": 3})
    ['cleaning.samples.min_leters: no such rule; did you mean min_letters?']
    """
    problems = []
    for name, threshold in overrides.items():
        if name not in SAMPLE_RULES:
            close = difflib.get_close_matches(name, SAMPLE_RULES, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(SAMPLE_RULES)}"
            problems.append(f"{where}.{name}: no such rule; {hint}")
        elif threshold is not None and not 0 <= threshold <= (np.inf if name == "min_letters" else 1):
            problems.append(f"{where}.{name}: a {'count' if name == 'min_letters' else 'share'} out of range, got {threshold}")
    return problems
