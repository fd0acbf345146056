"""Train in forked ranks, as a launcher would start them but without its imports; run by test_parallel and test_stops.

Reads a list of runs as JSON from standard input and writes a list of outcomes. A run names its recipe, folder and
number of ranks, and may have its ranks disturbed when step `at` is logged:

    signal  [rank, number]: sent to that rank
    limit   bytes: the largest file that the first rank may write from then on (RLIMIT_FSIZE)
    kill    rank: ended by SIGKILL; the others by the parent, as a launcher does

Before it starts, `copy_of` copies what another run left, and `flip` changes a bit in a file of the newest checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import torch
from torch.distributed import TCPStore

from ecomct.errors import InputError, Stopped
from ecomct.recipe.model import Recipe
from ecomct.training.deepspeed_config import prepare_process
from ecomct.training.run import train_arm

prepare_process()
import deepspeed  # noqa: E402, F401  # once, for all ranks


def main() -> None:
    """Run all and print what came of each."""
    job = json.loads(sys.stdin.read())
    sys.stdout = sys.stderr  # libraries print there
    outcomes = [run(one, Path(job["sequences"]), Path(job["base"])) for one in job["runs"]]
    os.write(1, json.dumps(outcomes).encode())


def run(one: dict[str, Any], sequences: Path, base: Path) -> dict[str, Any]:
    """Fork the ranks, wait for them, describe the folder they leave."""
    out = Path(one["out"])
    if (source := one.get("copy_of")) is not None:
        shutil.copytree(source, out)
    if (name := one.get("flip")) is not None:
        newest = max((out / ".work" / "trainer").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
        flip(newest / name)
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    said = [tempfile.TemporaryFile() for _ in range(one["ranks"])]  # noqa: SIM115  # the process ends soon
    pids: dict[int, int] = {}
    for rank in reversed(range(one["ranks"])):  # the first rank knows the others
        pids[rank] = os.fork()
        if pids[rank] == 0:
            pids[rank] = os.getpid()
            try:
                said[rank].write(json.dumps(train(rank, one, sequences, base, out, store.port, pids)).encode())
                said[rank].flush()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
    if one.get("kill") is not None:
        os.waitpid(pids.pop(one["kill"]), 0)
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
    for pid in pids.values():
        os.waitpid(pid, 0)
    return {"ranks": [json.loads(read(file) or "{}") for file in said], **describe(out)}


def train(
    rank: int, one: dict[str, Any], sequences: Path, base: Path, out: Path, port: int, pids: dict[int, int]
) -> dict[str, Any]:
    """Be one rank."""
    launched = {"RANK": rank, "WORLD_SIZE": one["ranks"], "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": one["ranks"]}
    launched |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": "True"}
    launched |= {"TORCHELASTIC_RESTART_COUNT": 0, "GLOO_SOCKET_IFNAME": "lo"}
    if one["ranks"] > 1 or one["launched"]:
        os.environ.update({name: str(value) for name, value in launched.items()})
    torch.set_num_threads(1)
    rows: set[int] = set()
    steps_done: list[int] = []
    reads = Watched(rows)

    def on_progress(step: int, steps: int) -> None:
        steps_done.append(step)
        if step != one.get("at"):
            return
        if "signal" in one:
            os.kill(pids[one["signal"][0]], one["signal"][1])
        if "limit" in one:
            resource.setrlimit(resource.RLIMIT_FSIZE, (one["limit"], resource.RLIM_INFINITY))
        if "kill" in one:
            os.kill(pids[one["kill"]], signal.SIGKILL)

    with reads:
        try:
            facts = train_arm(Recipe.model_validate_json(one["recipe"]), "mixed", sequences, base, out, on_progress)
        except InputError as error:
            return {"error": str(error)}
        except Stopped as stop:
            return {"stopped": [stop.number, stop.step], "said": str(stop)}
        except OSError as error:
            return {"refused": error.errno, "file": error.filename}
        except SystemExit as end:
            return {"exit": end.code}
    return {"facts": facts, "rows": sorted(rows), "trained": steps_done}


class Watched:
    """Notes the rows that this process reads from the sequence data."""

    def __init__(self, rows: set[int]) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        from ecomct.training.batches import Sequences

        original = Sequences.__getitem__

        def reading(table: Sequences, index: int) -> Any:
            self._rows.add(index)
            return original(table, index)

        Sequences.__getitem__ = reading  # type: ignore[method-assign]  # this process ends with the run

    def __exit__(self, *_: object) -> None:
        pass


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def read(file: Any) -> bytes:
    file.seek(0)
    data: bytes = file.read()
    return data


def describe(out: Path) -> dict[str, Any]:
    """The digest of every file under `out`, and the records of the steps."""
    files = {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }
    metrics = out / "metrics.jsonl"
    return {"files": files, "steps": [json.loads(line) for line in metrics.read_text().splitlines()] if metrics.exists() else []}


if __name__ == "__main__":
    main()
