"""Several training processes on this machine, started and watched by this one."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from torch.distributed import TCPStore

import ecomct
from ecomct.errors import InputError, Stopped
from ecomct.recipe.model import Recipe
from ecomct.training.signals import listening

# Seconds that the others have to end by themselves after one has failed; most then have the same fault to report.
_GRACE = 5.0
_PATHS = ("sequences", "base", "out", "logs")


@dataclass(frozen=True)
class Job:
    """The arguments of `train_arm`."""

    recipe: Recipe
    arm: str
    sequences: Path
    base: Path
    out: Path
    logs: Path | None = None

    def to_json(self) -> str:
        """One line for `from_json`; paths absolute."""
        paths = {name: str(path.absolute()) for name in _PATHS if (path := getattr(self, name)) is not None}
        return json.dumps({"recipe": self.recipe.model_dump_json(exclude_none=True), "arm": self.arm, **paths})

    @classmethod
    def from_json(cls, line: str) -> Job:
        """The job that `to_json` wrote."""
        said = json.loads(line)
        paths = {name: Path(said[name]) for name in _PATHS if name in said}
        return cls(Recipe.model_validate_json(said["recipe"]), said["arm"], **paths)


@dataclass
class _Worker:
    """One process, the pipe it reports on and the file its other output goes to."""

    rank: int
    process: subprocess.Popen[bytes]
    reports: IO[bytes]
    log: IO[bytes]
    said: dict[str, Any] = field(default_factory=dict)


def launch(job: Job, processes: int, on_progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Run `train_arm` for `job` in `processes` processes that work together, and return its facts.

    They meet at a store that this process holds on a free port of the loopback interface, so launches on one
    machine never meet each other. They end when this process ends, however it ends: each watches a pipe from
    it. SIGTERM and SIGUSR1 are passed on to all of them and waited for, without a limit: saving takes what it takes.

    Raises:
        InputError, Stopped, OSError: as `train_arm`; InputError also where a process was killed.
        RuntimeError: a process failed by a fault of the program; the end of its output is in the message.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    workers: list[_Worker] = []
    with listening(lambda number: _pass_on(number, workers)):
        try:
            for rank in range(processes):
                workers.append(_start(job, rank, processes, store.port))
            _follow(workers, on_progress)
            return _outcome(workers)
        finally:
            for worker in workers:
                if worker.process.poll() is None:
                    worker.process.kill()
                worker.process.wait()
                for pipe in (worker.process.stdin, worker.reports, worker.log):
                    with suppress(OSError):
                        pipe.close()  # type: ignore[union-attr]  # stdin is a pipe


def _start(job: Job, rank: int, processes: int, port: int) -> _Worker:
    """Start one process; the variables are those that torchrun sets."""
    # Where threads are not fixed the processes share the cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = job.recipe.training.threads or max(1, cores // processes)
    root = str(Path(ecomct.__file__).parent.parent)
    environment = os.environ | {
        "RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        # The store is there already: no rank opens one on a port that another program may have taken meanwhile.
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }
    if sys.platform == "linux":
        environment.setdefault("GLOO_SOCKET_IFNAME", "lo")
    reading, writing = os.pipe()
    log = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the launch is over
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "ecomct.training.worker", str(writing)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            pass_fds=(writing,),
        )
    finally:
        os.close(writing)
    assert process.stdin is not None
    # Stays open: its end tells the process that this one is gone.
    with suppress(BrokenPipeError):
        process.stdin.write(job.to_json().encode() + b"\n")
        process.stdin.flush()
    return _Worker(rank, process, os.fdopen(reading, "rb", buffering=0), log)


def _pass_on(number: int, workers: list[_Worker]) -> None:
    for worker in workers:
        worker.process.send_signal(number)


def _follow(workers: list[_Worker], on_progress: Callable[[int, int], None] | None) -> None:
    """Read reports until every process has ended; end the others soon after one has failed."""
    pending: dict[int, bytes] = {worker.rank: b"" for worker in workers}
    failed: float | None = None
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.reports, selectors.EVENT_READ, worker)
        while selector.get_map():
            for key, _ in selector.select(None if failed is None else 0.2):
                worker = key.data
                block = os.read(key.fd, 1 << 16)
                *lines, pending[worker.rank] = (pending[worker.rank] + block).split(b"\n")
                for line in lines:
                    report = json.loads(line)
                    if "progress" in report:
                        if on_progress is not None:
                            on_progress(*report["progress"])
                    else:
                        worker.said |= report
                if not block:
                    selector.unregister(worker.reports)
                    if worker.process.wait() != 0 and "stopped" not in worker.said and failed is None:
                        failed = time.monotonic()
            if failed is not None and time.monotonic() - failed > _GRACE:
                for worker in workers:
                    if worker.process.poll() is None:
                        worker.said["ended"] = True
                        worker.process.kill()


def _outcome(workers: list[_Worker]) -> dict[str, Any]:
    """Return the first process's facts, or raise what says most about why there are none."""
    if all(worker.process.returncode == 0 for worker in workers) and "facts" in workers[0].said:
        facts: dict[str, Any] = workers[0].said["facts"]
        return facts
    for worker in workers:
        if "error" in worker.said:
            raise InputError(worker.said["error"])
        if "refused" in worker.said:
            raise OSError(*worker.said["refused"])
    total = len(workers)
    for worker in workers:
        code = worker.process.returncode
        if code < 0 and "ended" not in worker.said:
            name = signal.Signals(-code).name
            raise InputError(
                f"training: process {worker.rank + 1} of {total} was ended by {name}"
                f"{' (out of memory?)' if name == 'SIGKILL' else ''}; run again to continue from the last checkpoint"
            )
    for worker in workers:
        if "stopped" in worker.said:
            raise Stopped(*worker.said["stopped"])
    worker = max(workers, key=lambda one: (one.process.returncode > 0 and _tail(one) != "", -one.rank))
    raise RuntimeError(
        f"training process {worker.rank + 1} of {total} failed (exit code {worker.process.returncode}):\n{_tail(worker)}"
    )


def _tail(worker: _Worker) -> str:
    """The last lines that a process wrote."""
    worker.log.seek(0)
    return "\n".join(worker.log.read().decode(errors="replace").splitlines()[-30:])
