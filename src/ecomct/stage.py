"""A stage: a folder whose manifest says what made it, and that a killed run continues.

While a stage works, `.stage/` holds its fingerprint and one small JSON for each finished unit; both
are written after the data they speak of. When all units are done the manifest is written last. So a
folder with a manifest is whole, one with `.stage/` can be continued, and anything else is started anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import xxhash

from ecomct import __version__
from ecomct.atomic import write_atomic, write_json

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


def file_digest(path: Path) -> str:
    """xxh3-128 of a file's bytes, in hexadecimal."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
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
        """Prepare the folder: keep the finished units of an interrupted run, clear anything else."""
        mark = self._work / "fingerprint"
        if not mark.is_file() or mark.read_text() != self.fingerprint or (self.folder / "manifest.json").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self._work.mkdir(parents=True)
            write_atomic(mark, self.fingerprint)

    def unit(self, name: str) -> dict[str, Any] | None:
        """Facts of a finished unit, or None."""
        path = self._work / f"{name}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def finish_unit(self, name: str, facts: Mapping[str, Any]) -> None:
        """Record that a unit's data is on disk."""
        write_json(self._work / f"{name}.json", facts)

    def close(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Write the manifest over all files of the folder and drop the working state."""
        for stray in [path for path in self.folder.rglob(".*.tmp") if path.is_file()]:
            stray.unlink()
        outputs = {
            path.relative_to(self.folder).as_posix(): {"bytes": path.stat().st_size, "xxh3_128": file_digest(path)}
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and self._work not in path.parents
        }
        manifest = {
            "stage": self.name,
            "fingerprint": self.fingerprint,
            "version": __version__,
            "inputs": json.loads(json.dumps(self.inputs, default=str)),
            "facts": facts,
            "outputs": outputs,
        }
        write_json(self.folder / "manifest.json", manifest)
        shutil.rmtree(self._work)
        return manifest

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


def outputs_digest(folder: Path, prefixes: Iterable[str] = ("",)) -> str:
    """Digest of a finished stage's outputs under `prefixes`.

    Later stages depend on bytes, not on how they came about: a change that leaves an output as it was
    reruns nothing behind it.
    """
    manifest = read_manifest(folder)
    assert manifest is not None, f"{folder} is not finished"
    chosen = {name: output["xxh3_128"] for name, output in manifest["outputs"].items() if name.startswith(tuple(prefixes))}
    return xxhash.xxh3_128_hexdigest(json.dumps(chosen, sort_keys=True).encode())
