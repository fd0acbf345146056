"""Kill training with SIGKILL at random moments, run it again, compare the final weights.

    python benchmarks/soak/training_kills.py [--kills 12] [--launches 2] [--seed 0]

Four ways to train (one process; two under DDP, FSDP2, ZeRO-2 with offload), each killed `--kills` times: at a
random touch of the run's files by the first process, which hits the saves (counted: a staged checkpoint
was left behind), or at a random moment of the clock. With two processes one of the two is killed; the other ends
by itself once they are joined, and before that waits for its peer as long as torch lets it, so that it is ended as every
launcher would do (counted). Then the real launcher, `--launches` times each: one of its workers killed, the launcher
alone, its whole process group; nothing of it may be left running. Every time the run goes on until it is
finished, and its final weights must be those of an undisturbed run of the same kind. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import psutil
from tokenizers import Tokenizer, models
from torch.distributed import TCPStore
from transformers import PreTrainedTokenizerFast

from ecomct.recipe.model import Recipe
from ecomct.training.deepspeed_config import prepare_process
from ecomct.training.launch import Job
from ecomct.training.model import write_base
from ecomct.training.run import train_arm

GRACE = 15.0  # seconds that a rank has to end by itself; a launcher gives it less
WAYS: dict[str, tuple[int, dict[str, str]]] = {
    "one process": (1, {}),
    "2, DDP": (2, {"strategy": "ddp"}),
    "2, FSDP2": (2, {"strategy": "fsdp"}),
    "2, ZeRO-2 offload": (2, {"strategy": "zero2", "offload": "optimizer"}),
}
LENGTH, WORDS, STEPS = 64, 300, 8


def make_data(folder: Path) -> None:
    """Write a base model and 32 sequences to `folder`."""
    generator = np.random.default_rng(0)
    ids = 2 + generator.geometric(0.1, (32, LENGTH)).clip(max=WORDS - 3)
    rows = [{"input_ids": row.tolist(), "length": LENGTH, "segments": [20, LENGTH]} for row in ids]
    features = datasets.Features(
        {
            "input_ids": datasets.List(datasets.Value("int32"), length=LENGTH),
            "length": datasets.Value("int32"),
            "segments": datasets.List(datasets.Value("int32")),
        }
    )
    datasets.Dataset.from_list(rows, features=features).save_to_disk(folder / "sequences")
    words = Tokenizer(models.WordLevel({f"t{index}": index for index in range(WORDS)}, unk_token="t0"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="t1").save_pretrained(folder / "tokenizer")
    write_base(recipe_of({}), folder / "tokenizer", folder / "base")


def recipe_of(parallel: dict[str, Any]) -> Recipe:
    """A small BLOOM with dropout, so that the random states have to come back too; a checkpoint every second step."""
    config = {"hidden_size": 32, "n_layer": 2, "n_head": 4, "hidden_dropout": 0.1, "attention_dropout": 0.1}
    training = {"batch_size": 4, "micro_batch_size": 1, "learning_rate": 1e-2, "threads": 1, "save_every": 2}
    return Recipe.model_validate(
        {
            "name": "kills",
            "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
            "tokenizer": {"path": "tokenizer"},
            "sequences": {"length": LENGTH},
            "model": {"config": {"model_type": "bloom", **config}},
            "training": {**training, "max_steps": STEPS, "parallel": parallel},
        }
    )


@dataclass
class Tally:
    """What the kills of one way came to."""

    kills: int = 0
    in_saves: int = 0
    late: int = 0
    ended: int = 0
    left_behind: int = 0
    finished: list[str] = field(default_factory=list)


def attempt(
    job: Job, ranks: int, launched: bool, victim: int | None = None, touch: int = 0, after: float = 0.0
) -> tuple[bool, int]:
    """Fork the ranks of one run, kill `victim` at its n-th touch of the run's files or after seconds.

    Returns whether the run finished, and how many ranks had to be ended.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    pids = []
    for rank in range(ranks):
        pid = os.fork()
        if pid == 0:
            be_rank(job, rank, ranks, store.port, launched, touch if rank == victim else 0)
        pids.append(pid)
    if after and victim is not None:
        time.sleep(after)
        os.kill(pids[victim], signal.SIGKILL)
    return wait_for(pids)


def wait_for(pids: list[int]) -> tuple[bool, int]:
    """Wait for all; GRACE after the first failure end those that are left. Whether none failed, and how many were ended."""
    running, failed, ended = set(pids), 0.0, 0
    while running:
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                running.discard(pid)
                failed = failed or (time.monotonic() if status else 0.0)
        if running and failed and time.monotonic() - failed > GRACE:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            ended, running = len(running), set()
        time.sleep(0.01)
    return not failed, ended


def be_rank(job: Job, rank: int, ranks: int, port: int, launched: bool, touch: int) -> None:
    """Train as one rank and never return."""
    code = 1
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)  # a rank whose peer was killed says so at length
    try:
        if launched:
            os.environ.update({"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)})
            os.environ.update({"LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
            os.environ.update({"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"})
            os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        touches = 0

        def on_event(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal touches
            if arguments and isinstance(arguments[0], str | os.PathLike) and str(arguments[0]).startswith(str(job.out)):
                touches += 1
                if touches == touch:
                    os.kill(os.getpid(), signal.SIGKILL)

        if touch:
            sys.addaudithook(on_event)
        train_arm(job.recipe, job.arm, job.sequences, job.base, job.out)
        code = 0
    finally:
        os._exit(code)


def digest(out: Path) -> str:
    """SHA-256 of the final weights."""
    return hashlib.sha256((out / "model" / "model.safetensors").read_bytes()).hexdigest()


def kill_forked(name: str, data: Path, kills: int, rng: random.Random) -> Tally:
    """One way, killed so many times over as many runs as that takes."""
    ranks, parallel = WAYS[name]
    tally = Tally()

    def job(number: int) -> Job:
        return Job(recipe_of(parallel), "mixed", data / "sequences", data / "base", data / name.replace(" ", "-") / str(number))

    start = time.monotonic()
    assert attempt(job(0), ranks, ranks > 1)[0]
    lasted, expected = time.monotonic() - start, digest(job(0).out)
    run = 1
    while tally.kills < kills:
        for _ in range(3):  # each run is killed up to three times before it may finish
            victim = rng.randrange(ranks)
            by_touch = victim == 0 and rng.random() < 0.7
            how = {"touch": rng.randint(1, 260)} if by_touch else {"after": rng.uniform(0.1, 1.1) * lasted}
            finished, ended = attempt(job(run), ranks, ranks > 1, victim, **how)
            if finished:
                tally.late += 1
                break
            tally.kills += 1
            tally.ended += ended
            tally.in_saves += any((job(run).out / ".work" / "trainer").glob(".stage*"))
        assert attempt(job(run), ranks, ranks > 1)[0], f"{name}: a run that was killed does not go on"
        tally.finished.append(digest(job(run).out))
        shutil.rmtree(job(run).out)
        run += 1
    if set(tally.finished) != {expected}:
        raise SystemExit(f"{name}: other weights than those of the undisturbed run")
    return tally


def moved(out: Path) -> bool:
    """Whether the run has written a step within the last two seconds."""
    mark = out / "metrics.jsonl"
    return mark.exists() and mark.stat().st_size > 0 and time.time() - mark.stat().st_mtime < 2


def kill_launched(how: str, data: Path, times: int, rng: random.Random) -> Tally:
    """The launcher as a user starts it, in a session of its own: kill a worker, the launcher, or the whole group."""
    out = data / "launched" / how.replace(" ", "-")
    job = Job(recipe_of({"processes": 2, "strategy": "ddp"}), "mixed", data / "sequences", data / "base", out)
    program = (
        "import sys; from ecomct.training.launch import Job; from ecomct.training.run import train_arm\n"
        "job = Job.from_json(sys.argv[1]); train_arm(job.recipe, job.arm, job.sequences, job.base, job.out)"
    )
    tally = Tally()
    while True:
        command = [sys.executable, "-c", program, job.to_json()]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        if tally.kills == times:
            assert process.wait() == 0, f"{how}: a run that was killed does not go on"
            break
        while process.poll() is None and len(psutil.Process(process.pid).children()) < 2:
            time.sleep(0.02)
        # The workers' imports take most of the time; two of three kills come after them.
        waits = rng.random() < 0.67
        while process.poll() is None and waits and not moved(out):
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
        started = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        if len(started) < 2:
            tally.late += 1
            process.wait()
            shutil.rmtree(out)
            continue
        if how == "a worker":
            rng.choice(started).kill()
        elif how == "the launcher":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        tally.kills += 1
        _, alive = psutil.wait_procs(started, timeout=20)
        tally.left_behind += len(alive)
        tally.in_saves += any((out / ".work" / "trainer").glob(".stage*"))
    tally.finished.append(digest(out))
    return tally


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--launches", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    os.environ["OMP_NUM_THREADS"] = "1"
    prepare_process()
    import deepspeed  # noqa: F401  # once, for all forks

    total = 0
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary)
        make_data(data)
        print(f"{'way':<28} {'kills':>5} {'in saves':>8} {'runs':>5} {'ended':>5}  final weights")
        for name in options.ways:
            tally = kill_forked(name, data, options.kills, rng)
            total += tally.kills
            print(f"{name:<28} {tally.kills:>5} {tally.in_saves:>8} {len(tally.finished):>5} {tally.ended:>5}  equal", flush=True)
        expected = digest(data / "2,-DDP" / "0") if "2, DDP" in options.ways else None
        for how in ("a worker", "the launcher", "the process group"):
            tally = kill_launched(how, data, options.launches, rng)
            total += tally.kills
            expected = expected or tally.finished[0]
            equal = tally.finished == [expected]
            said = f"{'equal' if equal else 'OTHER'}; {tally.left_behind} processes left behind"
            print(f"{'launched, ' + how:<28} {tally.kills:>5} {tally.in_saves:>8} {1:>5} {'':>5}  {said}", flush=True)
            if not equal or tally.left_behind:
                raise SystemExit(1)
    print(f"{total} kills; every run went on and ended in the weights of an undisturbed one")


if __name__ == "__main__":
    main()
