"""Records of a stage's units: what each was made from and the bytes it left, so that others' changes spare it.

A record speaks of files by digest. Whether a unit may be kept is therefore read off the disk, never inferred from
the order of events: a file that a killed run replaced fits no record, and its unit is made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xxhash

from ecomct.atomic import write_json


def file_digest(path: Path) -> str:
    """xxh3-128 of a file's bytes, in hexadecimal."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def key_of(*parts: Any) -> str:
    """Digest of all that determines a unit's bytes, as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return xxhash.xxh3_128_hexdigest(text.encode())


def describe(path: Path) -> dict[str, Any]:
    """Size and digest of a file, as manifests and records hold them."""
    return {"bytes": path.stat().st_size, "xxh3_128": file_digest(path)}


@dataclass(frozen=True)
class Unit:
    """A finished unit: its key, the facts it returned and its files by path under the stage's folder."""

    key: str
    facts: dict[str, Any]
    files: dict[str, dict[str, Any]]

    def is_whole(self, folder: Path) -> bool:
        """Whether every file is there with the recorded bytes. Cost: one read of the files."""
        for name, recorded in self.files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != recorded["bytes"] or describe(path) != recorded:
                return False
        return True


class Units:
    """The unit records of one stage folder.

    `units.json` holds those of the finished stage; while it works, `.stage/units/` holds one file for each unit that
    this run has finished or kept, which count first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file, self._work = folder / "units.json", folder / ".stage" / "units"
        self._inherited: dict[str, Unit] | None = None
        self._whole: dict[str, Unit] = {}
        self._mine: dict[str, Unit] = {}

    def get(self, name: str) -> Unit | None:
        """The record of a unit whose files are whole, from this run or an earlier one."""
        if name not in self._whole:
            unit = self._read(self._work / f"{name}.json") or self.inherited().get(name)
            if unit is None or not unit.is_whole(self.folder):
                return None
            self._whole[name] = unit
        return self._whole[name]

    def put(self, name: str, unit: Unit) -> None:
        """Record a unit whose files are on disk as one of this run's."""
        write_json(self._work / f"{name}.json", asdict(unit))
        self._mine[name] = self._whole[name] = unit

    def keep(self, name: str, unit: Unit) -> None:
        """Count a whole unit as one of this run's. Nothing is written: after a kill it is found again as it was."""
        self._mine[name] = unit

    def reused(self) -> tuple[int, int]:
        """How many units this run has kept of an earlier one, and how many it has."""
        mine = self.claimed()
        return sum(self.inherited().get(name) == unit for name, unit in mine.items()), len(mine)

    def claimed(self) -> dict[str, Unit]:
        """Units that this run has finished or kept, also before it was killed."""
        found = {path.stem: self._read(path) for path in sorted(self._work.glob("*.json"))}
        return {name: unit for name, unit in found.items() if unit is not None} | self._mine

    def inherited(self) -> dict[str, Unit]:
        """Units of the run before."""
        if self._inherited is None:
            document = _document(self._file) or {}
            self._inherited = {name: Unit(**record) for name, record in document.items()}
        return self._inherited

    def inherit(self) -> None:
        """Make all records known those of an earlier run. May be killed and repeated at any point."""
        known = self.inherited() | self.claimed()
        write_json(self._file, {name: asdict(unit) for name, unit in known.items()})
        for path in self._work.glob("*.json"):
            path.unlink()
        self._inherited, self._whole, self._mine = known, {}, {}

    def close(self) -> None:
        """Make `units.json` hold exactly the units of this run."""
        units = self.claimed()
        if units:
            write_json(self._file, {name: asdict(unit) for name, unit in units.items()})
        else:
            self._file.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> Unit | None:
        record = _document(path)
        return None if record is None else Unit(**record)


def files_of(units: Iterable[Unit]) -> dict[str, dict[str, Any]]:
    """All files of units."""
    return {name: recorded for unit in units for name, recorded in unit.files.items()}


def _document(path: Path) -> Mapping[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return document
    except (FileNotFoundError, json.JSONDecodeError):
        return None
