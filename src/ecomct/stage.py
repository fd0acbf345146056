"""A stage: a folder whose manifest says what made it, that a killed run continues and a changed one reuses.

While a stage works, `.stage/` holds its fingerprint and a record of each finished unit, written after the
data it speaks of. When all units are done the records become `units.json` and the manifest is written last.
So a folder with a manifest is whole and one whose `.stage/` names these inputs can be continued. Where
inputs changed, the manifest goes first, then everything that no unit left; a unit is kept if what it was
made from and its files' digests are what they were.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import xxhash

from ecomct import __version__
from ecomct.atomic import sync_folder, write_atomic, write_json
from ecomct.units import Unit, Units, describe, file_digest, files_of

__all__ = ["Stage", "code_digest", "file_digest", "outputs", "outputs_digest", "read_manifest"]

_PACKAGE = Path(__file__).parent


@cache
def code_digest(*parts: str) -> str:
    """Digest of the sources of modules or subpackages of ecomct: a changed stage runs again."""
    digest = xxhash.xxh3_128()
    for part in parts:
        root = _PACKAGE / part
        for file in sorted(root.rglob("*")) if root.is_dir() else [root.with_suffix(".py")]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Stage:
    """One step of a run: its name, its folder and everything that determines its bytes."""

    name: str
    folder: Path
    inputs: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the inputs as canonical JSON."""
        text = json.dumps(self.inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def done(self) -> dict[str, Any] | None:
        """The manifest if it was made by these inputs and every output is there at its size, else None."""
        manifest = read_manifest(self.folder)
        if manifest is None or manifest["fingerprint"] != self.fingerprint:
            return None
        for name, output in manifest["outputs"].items():
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != output["bytes"]:
                return None
        return manifest

    def changed(self) -> list[str]:
        """Names of the inputs by which a finished folder differs from this stage; empty where there is none."""
        manifest = read_manifest(self.folder)
        if manifest is None:
            return []
        now = json.loads(json.dumps(self.inputs, default=str))
        return sorted(key for key in now.keys() | manifest["inputs"].keys() if now.get(key) != manifest["inputs"].get(key))

    def open(self) -> None:
        """Prepare the folder: continue an interrupted run of these inputs, else keep what whole units left.

        Every step may be the last before a kill: the manifest goes first, the mark of these inputs comes last,
        and what lies between is repeated until the mark is there.
        """
        mark = self._work / "fingerprint"
        manifest = self.folder / "manifest.json"
        if not manifest.exists() and mark.is_file() and mark.read_text() == self.fingerprint:
            return
        self._work.mkdir(parents=True, exist_ok=True)
        manifest.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        sync_folder(self.folder)
        self._units.inherit()
        self._remove_all_but(files_of(self._units.inherited().values()))
        write_atomic(mark, self.fingerprint)

    def recorded(self, name: str) -> Unit | None:
        """The record of a unit whose files are whole, whatever it was made from, or None."""
        return self._units.get(name)

    def unit(self, name: str, key: str | None = None) -> dict[str, Any] | None:
        """Facts of a finished unit that was made from `key` (None: from the inputs of the stage), or None.

        A unit of an earlier run that is kept is from now on one of this run.
        """
        unit = self._units.get(name)
        if unit is None or unit.key != (self.fingerprint if key is None else key):
            return None
        self._units.keep(name, unit)
        return unit.facts

    def finish_unit(self, name: str, facts: Mapping[str, Any], key: str | None = None, files: Iterable[str] = ()) -> None:
        """Record that a unit's data is on disk.

        `key` is a digest of everything that determines the bytes of `files` (paths under the stage's folder) and
        `facts`: a later run of other inputs keeps the unit where it comes to the same key.
        """
        described = {file: describe(self.folder / file) for file in sorted(files)}
        self._units.put(name, Unit(self.fingerprint if key is None else key, json.loads(json.dumps(facts)), described))

    def close(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest over all files of the folder and drop the working state."""
        units = self._units.claimed()
        known = files_of(units.values())
        # Files of units that are no more: only an earlier run's records name them.
        for name in files_of(self._units.inherited().values()).keys() - known.keys():
            (self.folder / name).unlink(missing_ok=True)
        for stray in [path for path in self.folder.rglob(".*.tmp") if path.is_file()]:
            stray.unlink()
        self._units.close()
        manifest: dict[str, Any] = {
            "stage": self.name,
            "fingerprint": self.fingerprint,
            "version": __version__,
            "inputs": json.loads(json.dumps(self.inputs, default=str)),
            "facts": facts,
            "outputs": {name: known.get(name) or describe(self.folder / name) for name in self._files()},
        }
        write_json(self.folder / "manifest.json", manifest)
        shutil.rmtree(self._work)
        return manifest

    def reused(self) -> tuple[int, int]:
        """Units kept of an earlier run, and units in all, while the stage is open."""
        return self._units.reused()

    def tidy(self) -> None:
        """Drop the working state of a run that was killed when its manifest was written."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _files(self) -> list[str]:
        """Paths of all data files, sorted: neither manifest nor records."""
        bare = {self.folder / "manifest.json", self.folder / "units.json"}
        found = (path for path in self.folder.rglob("*") if path.is_file() and path not in bare)
        return sorted(path.relative_to(self.folder).as_posix() for path in found if self._work not in path.parents)

    def _remove_all_but(self, kept: Mapping[str, Any]) -> None:
        """Remove files that `kept` does not name, and folders that are left empty."""
        for name in self._files():
            if name not in kept:
                (self.folder / name).unlink()
        for path in sorted((path for path in self.folder.rglob("*") if path.is_dir()), reverse=True):
            if path != self._work and self._work not in path.parents and not any(path.iterdir()):
                path.rmdir()

    @cached_property
    def _units(self) -> Units:
        return Units(self.folder)

    @property
    def _work(self) -> Path:
        return self.folder / ".stage"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Manifest of a finished stage folder, or None."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        return manifest
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def outputs(folder: Path) -> dict[str, str]:
    """Digest of each output of a finished stage, by path under its folder."""
    manifest = read_manifest(folder)
    assert manifest is not None, f"{folder} is not finished"
    return {name: output["xxh3_128"] for name, output in manifest["outputs"].items()}


def outputs_digest(folder: Path, prefixes: Iterable[str] = ("",)) -> str:
    """Digest of a finished stage's outputs under `prefixes`.

    Later stages depend on bytes, not on how they came about: a change that leaves an output as it was
    reruns nothing behind it.
    """
    chosen = {name: digest for name, digest in outputs(folder).items() if name.startswith(tuple(prefixes))}
    return xxhash.xxh3_128_hexdigest(json.dumps(chosen, sort_keys=True).encode())
