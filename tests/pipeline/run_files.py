"""What the tests of whole runs ask of a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecomct.stage import file_digest

# What may differ between equal runs: clocks, locks and the memory of input files.
VOLATILE = {"timings.jsonl", "speed.jsonl", ".lock", ".inputs.json"}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file of a run by relative path, volatile ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in VOLATILE]
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(files)}


def stages_run(folder: Path) -> list[str]:
    """Names of the stages that have worked in this folder so far, in order."""
    return [json.loads(line)["stage"] for line in (folder / "timings.jsonl").read_text().splitlines()]


def ledger(folder: Path) -> dict[str, Any]:
    """The `stages` of a run's ledger.json."""
    stages: dict[str, Any] = json.loads((folder / "ledger.json").read_text())["stages"]
    return stages
