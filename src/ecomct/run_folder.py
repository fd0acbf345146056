"""The folder of one run: where each stage's artefacts lie and what one stage may ask of another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecomct.atomic import write_json
from ecomct.recipe.model import Arm, Recipe
from ecomct.sources.files import source_files
from ecomct.stage import file_digest, read_manifest


@dataclass(frozen=True)
class RunFolder:
    """A recipe, its folder under `runs/`, how many workers to use, and the arms asked for."""

    recipe: Recipe
    folder: Path
    workers: int
    arms: tuple[Arm, ...]

    @property
    def survey(self) -> Path:
        return self.folder / "survey"

    @property
    def documents(self) -> Path:
        return self.folder / "documents"

    @property
    def duplicates(self) -> Path:
        return self.folder / "duplicates"

    @property
    def screen(self) -> Path:
        return self.folder / "screen"

    @property
    def links(self) -> Path:
        return self.folder / "links"

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens"

    @property
    def mixture(self) -> Path:
        return self.folder / "mixture"

    @property
    def sequences(self) -> Path:
        return self.folder / "sequences"

    @property
    def training(self) -> Path:
        return self.folder / "training"

    @property
    def tuning(self) -> Path:
        return self.folder / "tuning"

    @property
    def tuned(self) -> tuple[str, ...]:
        """Models of this run that are tuned."""
        return tuple(name for name in self.recipe.tuned if name in ("base", *self.arms))

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation"

    @property
    def report(self) -> Path:
        return self.folder / "report"

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Source names in recipe order: a row's source index is the position."""
        return tuple(self.recipe.sources)

    @cached_property
    def domain(self) -> tuple[bool, ...]:
        """By source index: whether it is a domain source."""
        return tuple(source.role == "domain" for source in self.recipe.sources.values())

    @cached_property
    def titles(self) -> tuple[bool, ...]:
        """By source index: whether its rows are titles of products."""
        return tuple(source.kind == "title" for source in self.recipe.sources.values())

    def facts(self, stage: Path) -> dict[str, Any]:
        """Facts that a finished stage left in its manifest."""
        manifest = read_manifest(stage)
        assert manifest is not None, f"{stage.name} has not run"
        facts: dict[str, Any] = manifest["facts"]
        return facts

    @property
    def shards(self) -> list[str]:
        """Names of the document shards, sorted by row."""
        return list(self.facts(self.documents)["shards"])

    def source_inputs(self, *without: str) -> dict[str, Any]:
        """By source what its rows are made from: its settings but for those in `without`, its files' names and digests."""
        found = {}
        for name, source in self.recipe.sources.items():
            files = source_files(self.recipe, name)
            digests = self.input_digests(files)
            # Paths do not reach the bytes, file names do; the tolerance decides only whether to go on.
            settings = source.model_dump(exclude={"path", "max_rejected", "license", *without})
            found[name] = {"settings": settings, "files": [[file.name, digests[str(file)]] for file in files]}
        return found

    def input_digests(self, files: list[Path]) -> dict[str, str]:
        """Content digest of input files. Remembered by path, size and time, so that a rerun reads none of them."""
        memory = self.folder / ".inputs.json"
        known: dict[str, Any] = json.loads(memory.read_text()) if memory.is_file() else {}
        digests, changed = {}, False
        for file in files:
            stat = file.stat()
            mark = [stat.st_size, stat.st_mtime_ns]
            entry = known.get(str(file))
            if entry is None or entry["mark"] != mark:
                entry = known[str(file)] = {"mark": mark, "digest": file_digest(file)}
                changed = True
            digests[str(file)] = entry["digest"]
        if changed:
            write_json(memory, known)
        return digests
