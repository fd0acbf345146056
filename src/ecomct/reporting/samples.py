"""Real samples for the page: chosen by seed over a whole arm, then their rows read from the documents.

Memory stays bounded: sequences are memory-mapped and only the chosen ones are touched, and of the
documents only the row groups that hold a wanted row are decoded, one at a time.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ecomct.packing.sequence import SOURCE_SHIFT
from ecomct.recipe.model import ARMS, Recipe
from ecomct.seeded import hash_text

# Sequences looked at for one sample before the best so far is taken.
PROBES = 24
# Characters of one row that the page shows.
SHOWN_CHARACTERS = 700


@dataclass(frozen=True)
class Place:
    """A sample: one attention segment of one training sequence, and the rows in it, in order, with their tokens."""

    sequence: int
    segment: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Piece:
    """One row as the page shows it; `text` is None where documents/ no longer holds the row."""

    row: int
    source: str
    where: str
    keys: tuple[str, ...]
    language: str
    text: str | None
    cut: int
    tokens: int


@dataclass(frozen=True)
class Sample:
    """One sample with the texts of its rows."""

    place: Place
    pieces: tuple[Piece, ...]

    @property
    def tokens(self) -> int:
        """Tokens of the segment."""
        return sum(piece.tokens for piece in self.pieces)


def read_samples(recipe: Recipe, run: Path) -> tuple[str | None, list[Sample]]:
    """Return an arm (`mixed` where it exists, else the first with domain rows) and `recipe.report.samples` of its samples.

    Samples are spread evenly over the arm's order, drawn by seeded hash, and those of several sources,
    then of several rows, are preferred. (None, []) where there are no sequences with domain rows.
    """
    for arm in sorted(ARMS, key=lambda arm: arm != "mixed"):
        places = _choose(recipe, run / "sequences" / arm, arm)
        if places:
            found = _documents(run / "documents" / "shards", {row for place in places for row, _ in place.rows})
            texts = [tuple(_piece(recipe, found.get(row), row, tokens) for row, tokens in place.rows) for place in places]
            return arm, [Sample(place, pieces) for place, pieces in zip(places, texts, strict=True)]
    return None, []


def _choose(recipe: Recipe, folder: Path, arm: str) -> list[Place]:
    """Pick places in the arm; about PROBES memory-mapped reads for each."""
    wanted = recipe.report.samples
    if wanted == 0 or not (folder / "dataset_info.json").exists():
        return []
    from datasets import Dataset, load_from_disk

    dataset = load_from_disk(str(folder))
    assert isinstance(dataset, Dataset)
    dataset = dataset.select_columns(["rows", "row_ends", "segments"])
    roles: list[str] = [source.role for source in recipe.sources.values()]
    chosen: list[Place] = []
    taken: set[tuple[int, int]] = set()
    for part in range(wanted if len(dataset) else 0):
        low = part * len(dataset) // wanted
        high = max(low + 1, (part + 1) * len(dataset) // wanted)
        best: tuple[int, Place] | None = None
        for probe in range(PROBES):
            draw = hash_text(f"report sample {arm} {part} {probe}", recipe.seed)
            index = low + draw % (high - low)
            for place in _places(dataset[index], index, draw):
                rank = _rank([row for row, _ in place.rows], roles)
                if (place.sequence, place.segment) not in taken and rank > (best[0] if best else 0):
                    best = rank, place
            if best is not None and best[0] == 3:
                break
        if best is not None:
            taken.add((best[1].sequence, best[1].segment))
            chosen.append(best[1])
    return sorted(chosen, key=lambda place: (place.sequence, place.segment))


def _places(record: dict[str, Any], sequence: int, draw: int) -> list[Place]:
    """The segments of one sequence, starting at a drawn one."""
    starts = [0, *record["segments"]]
    spans = list(zip(record["rows"], [0, *record["row_ends"]], record["row_ends"], strict=False))
    places = []
    for index, (start, end) in enumerate(itertools.pairwise(starts)):
        inside = [(int(row), stop - begin) for row, begin, stop in spans if start <= begin and stop <= end]
        # A row whose text was cut into pieces that stand next to each other is one row to a reader.
        merged = [(row, sum(n for _, n in group)) for row, group in itertools.groupby(inside, key=lambda pair: pair[0])]
        places.append(Place(sequence, index, tuple(merged)))
    turn = draw // 7 % len(places) if places else 0
    return places[turn:] + places[:turn]


def _rank(rows: list[int], roles: list[str]) -> int:
    """3: several sources, 2: several rows, 1: one row; 0: general text, which is not what mixing is about."""
    sources = {row >> SOURCE_SHIFT for row in rows}
    if not rows or all(index < len(roles) and roles[index] == "general" for index in sources):
        return 0
    return 3 if len(sources) > 1 else 2 if len(set(rows)) > 1 else 1


def _documents(folder: Path, rows: set[int]) -> dict[int, dict[str, Any]]:
    """Read the wanted rows. Only the `row` column is scanned; other columns only where a wanted row is."""
    if not folder.is_dir():
        return {}
    import pyarrow as pa
    import pyarrow.dataset as ds

    condition = ds.field("row").isin(pa.array(sorted(rows), pa.uint64()))
    found: dict[int, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.parquet")):
        for fragment in ds.dataset(file, format="parquet").get_fragments():
            for group in fragment.split_by_row_group(condition):
                if len(found) == len(rows):
                    return found
                if group.count_rows(filter=condition, use_threads=False):
                    columns = ["row", "source", "file", "line", "keys", "language", "text"]
                    table = group.to_table(columns=columns, filter=condition, use_threads=False)
                    found.update({record["row"]: record for record in table.to_pylist()})
    return found


def _piece(recipe: Recipe, document: dict[str, Any] | None, row: int, tokens: int) -> Piece:
    if document is None:
        names = list(recipe.sources)
        source = names[row >> SOURCE_SHIFT] if row >> SOURCE_SHIFT < len(names) else "unknown source"
        return Piece(row, source, "", (), "", None, 0, tokens)
    text = document["text"]
    return Piece(
        row=row,
        source=document["source"],
        where=f"{_relative(document['file'])}:{document['line']}",
        keys=tuple(document["keys"] or ()),
        language=document["language"],
        text=text[:SHOWN_CHARACTERS],
        cut=max(0, len(text) - SHOWN_CHARACTERS),
        tokens=tokens,
    )


def _relative(file: str) -> str:
    """The file as the recipe knows it; of an absolute path only the name, which does not tell on the machine."""
    if PurePosixPath(file).is_absolute() or PureWindowsPath(file).is_absolute():
        return PureWindowsPath(file).name if "\\" in file else PurePosixPath(file).name
    return file
