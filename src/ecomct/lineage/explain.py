"""A sample taken apart: its rows in order, their fields and tokens, and why these rows stand together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ecomct.errors import InputError
from ecomct.lineage.locate import Document, Located, Place, arm_files, open_arm, stretches
from ecomct.lineage.spans import Field, Piece, RowTokens, Token, Window, fields_in, windows
from ecomct.packing.sequence import SOURCE_SHIFT
from ecomct.seeded import hash_text
from ecomct.tokens.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Part:
    """One row (or piece of a long one) in a sample; [start, end) are its tokens in the sequence, the joint left out."""

    document: Document
    piece: int
    start: int
    end: int
    joint: int
    fields: list[Field]
    window: Window
    tokens: RowTokens = field(repr=False)


@dataclass(frozen=True)
class Why:
    """Why these rows: the product they share, what it has, and how its clusters cover it."""

    reason: str  # clustered, or why the sample is one piece
    strategy: str
    products: list[str]
    available: dict[str, int]  # pieces by source that the product has in training
    clusters: int
    covered: int  # sources, summed over the product's clusters
    bound: int  # the most that this number of clusters can cover
    sources: int  # in this sample
    sources_bound: int
    number: int  # of this sample in the plan; 0 where it is not planned (general text, separate rows)


@dataclass(frozen=True)
class Explained:
    """One sample of an arm."""

    arm: str
    sequence: int
    segment: int
    start: int
    end: int
    parts: list[Part]
    permutation: list[int]  # of each row in order: its rank by row number
    why: Why

    def token(self, position: int) -> Token | None:
        """Row, field and characters of the token at `position` of the sequence; None for what joins or ends rows."""
        for part in self.parts:
            if part.start <= position < part.end:
                return part.tokens.token(part.window.numbers[position - part.start])
        return None


class Explainer:
    """Explains samples of one run."""

    def __init__(self, located: Located) -> None:
        self.located, self.run = located, located.run
        self.tokenizer, _ = load_tokenizer(located.run.tokens / "tokenizer")

    def sample(self, name: str, arm: str) -> list[Explained]:
        """The samples that `SEQUENCE`, `SEQUENCE:SEGMENT` or a plan's sample number means. Raises InputError for none."""
        if arm not in self.located.arms:
            raise InputError(f"--arm {arm}: the run has {', '.join(self.located.arms)}")
        sequence, _, segment = name.partition(":")
        if not all(part.isascii() and part.isdigit() for part in ([sequence, segment] if ":" in name else [sequence])):
            raise InputError(f"{name}: a sample is SEQUENCE, SEQUENCE:SEGMENT or a sample number of the plan")
        record, count = self._record(arm, int(sequence))
        if record is None:
            planned = self._planned(int(sequence)) if ":" not in name else None
            if planned is None:
                raise InputError(f"{name}: arm {arm} has sequences 0 to {count - 1:,}, and no sample has this number")
            return [self._find(arm, planned)]
        chosen = range(len(record["segments"]))
        if segment and int(segment) not in chosen:
            raise InputError(f"{name}: sequence {sequence} of arm {arm} has segments 0 to {len(chosen) - 1}")
        return [self.segment(arm, int(sequence), record, one) for one in ([int(segment)] if segment else chosen)]

    def segment(self, arm: str, sequence: int, record: dict[str, Any], segment: int) -> Explained:
        """One segment of a sequence whose record was read."""
        places = [place for place in stretches(record, sequence) if place.segment == segment]
        documents = self.located.documents({place.row for place in places})
        parts = [self._part(documents[place.row], place, record["input_ids"][place.start : place.end]) for place in places]
        order = _identity(parts)
        permutation = [order.index((part.document.row, part.piece)) + 1 for part in parts]
        return Explained(arm, sequence, segment, places[0].start, places[-1].end, parts, permutation, self._why(arm, parts))

    def _record(self, arm: str, sequence: int) -> tuple[dict[str, Any] | None, int]:
        """A sequence of an arm, None beyond its end; and how many it has as far as counted."""
        first = 0
        for path in arm_files(self.run, arm):
            table = open_arm(path)
            if sequence < first + table.num_rows:
                return table.slice(sequence - first, 1).to_pylist()[0], first + table.num_rows
            first += table.num_rows
        return None, first

    def _planned(self, number: int) -> list[dict[str, Any]] | None:
        """Lines of the plan with a sample number. Reads the column of numbers of every bucket."""
        if number >= 1 << 64:
            return None
        plan = ds.dataset(self.run.mixture / "plan", format="parquet")
        lines: list[dict[str, Any]] = plan.to_table(filter=ds.field("sample") == pa.scalar(number, pa.uint64())).to_pylist()
        return lines or None

    def _find(self, arm: str, lines: list[dict[str, Any]]) -> Explained:
        """The segment of an arm that holds a planned sample: the one with its first row and just its pieces."""
        for place in self.located.places(arm, {lines[0]["row"]}):
            record, _ = self._record(arm, place.sequence)
            assert record is not None
            found = self.segment(arm, place.sequence, record, place.segment)
            if _identity(found.parts) == _planned_identity(lines):
                return found
        raise InputError(f"{lines[0]['sample']}: arm {arm} does not have this sample; the mixed arm has those of the plan")

    def _part(self, document: Document, place: Place, ids: list[int]) -> Part:
        row = RowTokens(document, self.tokenizer)
        table = self.located.bucket(document.home, ["row", "piece", "ids", "repeated"])
        mine = table.filter(pc.equal(table["row"], document.row)).to_pylist()
        window = windows(row, [Piece(one["piece"], one["ids"], one["repeated"]) for one in mine])[place.piece]
        assert ids[: len(window.piece.ids)] == window.piece.ids, f"row {document.row} stands otherwise in the sequence"
        end = place.start + len(window.piece.ids)
        return Part(document, place.piece, place.start, end, place.end - end, fields_in(row, window, place.start), window, row)

    def _why(self, arm: str, parts: list[Part]) -> Why:
        document = parts[0].document
        counts = Counter(self.located.bucket(document.home, ["source"])["source"].to_pylist())
        available = {self.run.sources[index]: count for index, count in sorted(counts.items())}
        keys = {hash_text(key): key for part in parts for key in part.document.keys}
        hashes = (one for part in parts for one in (part.document.home, part.document.product))
        products = list(dict.fromkeys(keys[one] for one in hashes if one in keys))
        # Clusters that every epoch draws anew may have one number: samples are told apart by epoch too.
        samples: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for line in self.located.plan(document.home) if arm == "mixed" else []:
            samples.setdefault((line["epoch"], line["sample"]), []).append(line)
        wanted = _identity(parts)
        mine = next((one for one, lines in samples.items() if _planned_identity(lines) == wanted), None)
        clusters = [lines for one, lines in samples.items() if mine and one[0] == mine[0] and lines[0]["reason"] == "clustered"]
        return Why(
            reason=samples[mine][0]["reason"] if mine else _unplanned(self.run.domain[document.row >> SOURCE_SHIFT]),
            strategy=self.run.recipe.mixing.strategy,
            products=products,
            available=available,
            clusters=len(clusters),
            covered=sum(len({line["row"] >> SOURCE_SHIFT for line in lines if not line["anchor"]}) for lines in clusters),
            bound=sum(min(count, len(clusters)) for count in counts.values()),
            sources=len({part.document.source for part in parts}),
            sources_bound=min(len(parts), len(counts)),
            number=mine[1] if mine else 0,
        )


def _identity(parts: list[Part]) -> list[tuple[int, int]]:
    """Rows and pieces of a sample, whatever their order."""
    return sorted((part.document.row, part.piece) for part in parts)


def _planned_identity(lines: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return sorted((line["row"], line["piece"]) for line in lines)


def _unplanned(domain: bool) -> str:
    return "separate" if domain else "general"
