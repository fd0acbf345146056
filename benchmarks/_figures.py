"""What all benchmarks share: the machine in a line, a Markdown table, a script of another toolkit."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
TOOLKITS = HERE.parent / ".venv-bench/bin/python"


class Cost(NamedTuple):
    """What a piece of work took: on the clock, and on processors (all threads, and children that have ended)."""

    seconds: float
    processor: float


class Watch:
    """Started when made; `cost()` is the cost since then. Processor seconds hold their own on a machine with other work."""

    def __init__(self) -> None:
        self._seconds, self._processor = time.perf_counter(), _processor()

    def cost(self) -> Cost:
        """Cost since the watch was made."""
        return Cost(time.perf_counter() - self._seconds, _processor() - self._processor)


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Date, cores, processor and Python, for the head of a table."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores()} cores ({name}), Python {platform.python_version()}\n"


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """A Markdown table; short lines are filled with empty cells."""
    rows = [head, ["---"] * len(head), *(line + [""] * (len(head) - len(line)) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def run_toolkit(script: str, out: Path, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any] | str:
    """Run `benchmarks/toolkits/SCRIPT OUT ARGUMENTS` in the toolkits' environment: OUT/facts.json, or why there is none."""
    if not TOOLKITS.exists():
        return "no .venv-bench; run `make bench-toolkits`"
    command = [str(TOOLKITS), str(HERE / "toolkits" / script), str(out), *arguments]
    with open(out / "log", "w+") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | (env or {}), check=False)
        log.seek(0)
        said = log.read().strip()
    if done.returncode or not (out / "facts.json").exists():
        print(said[-2000:], file=sys.stderr)
        return f"exit code {done.returncode}: {(said.splitlines() or ['no message'])[-1][:200]}"
    facts: dict[str, Any] = json.loads((out / "facts.json").read_text())
    return facts
