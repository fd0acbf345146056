"""The launcher with real processes: a worker killed, a signal to the launching process, the end of the run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.launch import Job
from ecomct.training.model import write_base
from ecomct.training.parallel import accumulation_steps
from ecomct.training.run import train_arm

STEPS = 150
# As the command line does it: one line and an exit code.
PROGRAM = """
import sys
from ecomct.cli import _guarded
from ecomct.training.launch import Job
from ecomct.training.run import train_arm
job = Job.from_json(sys.argv[1])
sys.exit(_guarded(lambda: train_arm(job.recipe, job.arm, job.sequences, job.base, job.out)))
"""


def start(job: Job) -> subprocess.Popen[str]:
    """Start the launching process and wait until its workers have trained some steps."""
    metrics = job.out / "metrics.jsonl"
    before = metrics.stat().st_mtime_ns if metrics.exists() else 0
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, job.to_json()], stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        if metrics.exists() and metrics.stat().st_mtime_ns != before and metrics.stat().st_size > 0:
            break
        time.sleep(0.02)
    return process


def test_killed_stopped_and_finished(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(micro_batch_size=1, max_steps=STEPS, save_every=10, parallel={"processes": 2})
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    job = Job(recipe, "mixed", sequences_folder, tmp_path / "base", tmp_path / "out")
    assert Job.from_json(job.to_json()) == job

    process = start(job)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    workers[1].kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert [line for line in said.splitlines() if "error" in line] == [
        "error: training: process 2 of 2 was ended by SIGKILL (out of memory?); run again to continue from the last checkpoint"
    ]
    assert not psutil.wait_procs(workers, timeout=10)[1], "the other has ended too"

    process = start(job)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143, said
    assert "stopped by SIGTERM after step" in said.splitlines()[-1]
    (checkpoint,) = (job.out / ".work" / "trainer").glob("checkpoint-*")
    step = int(checkpoint.name.split("-")[1])
    assert f"after step {step};" in said

    seen: list[int] = []
    facts = train_arm(recipe, "mixed", sequences_folder, job.base, job.out, lambda done, steps: seen.append(done))
    assert seen == list(range(step + 1, STEPS + 1)), "it goes on where it stopped"
    assert facts["parallel"] == {"strategy": "ddp", "processes": 2}
    lines = [json.loads(line) for line in (job.out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert not (job.out / ".work").exists()


def test_faults_in_a_worker_are_the_callers(make_recipe: Callable[..., Recipe], sequences_folder: Path, tmp_path: Path) -> None:
    recipe = make_recipe(micro_batch_size=1, parallel={"processes": 2})
    with pytest.raises(InputError, match="no folder"):
        train_arm(recipe, "mixed", sequences_folder, tmp_path / "absent", tmp_path / "out")


def test_a_batch_that_cannot_be_shared_is_refused(make_recipe: Callable[..., Recipe]) -> None:
    """The recipe refuses its own number of processes; under torchrun the launcher's number counts."""
    with pytest.raises(ValueError, match=r"not a multiple of micro_batch_size x parallel\.processes"):
        make_recipe(parallel={"processes": 3})
    with pytest.raises(InputError, match=r"not a multiple of micro_batch_size x processes \(2 x 3\)"):
        accumulation_steps(make_recipe().training, 3)
    with pytest.raises(InputError, match=r"--processes 3: training.batch_size \(4\) is not a multiple"):
        make_recipe().in_processes(3)
    assert make_recipe().in_processes(2).training.parallel.processes == 2
    assert make_recipe().in_processes(2).training.deciding() == make_recipe().training.deciding()
