"""A whole run as a user starts it, killed for real."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import transformers
from run_files import digests, stages_run

Shop = Callable[..., Path]
STAGES = [
    "survey",
    "ingest",
    "duplicates",
    "screen",
    "link",
    "tokenize",
    "mix",
    "pack",
    "base",
    "train separate",
    "train mixed",
    "evaluate",
    "report",
]
ARMS = {"training.arms": ["separate", "mixed"], "training.save_every": 1}


def command(recipe: Path, runs: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "ecomct", "run", str(recipe), "--runs", str(runs), "--workers", "2", *options]


def run(recipe: Path, runs: Path, *options: str) -> str:
    """Run to the end; return what it printed."""
    done = subprocess.run(command(recipe, runs, *options), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_killed_again_and_again_ends_in_the_same_bytes(shop: Shop, tmp_path: Path) -> None:
    """SIGKILL at random moments until the run gets through; every file equal to an undisturbed run's."""
    recipe = shop(ARMS)
    run(recipe, tmp_path / "calm")
    expected = digests(tmp_path / "calm/shop")
    rng, kills = random.Random(5), 0
    while True:
        process = subprocess.Popen(
            command(recipe, tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        # Later attempts live longer, so that every stage is reached and hit.
        try:
            process.wait(rng.uniform(0.4, 2.0 + kills))
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            time.sleep(0.05)
    assert process.returncode == 0
    assert kills >= 3
    assert digests(tmp_path / "killed/shop") == expected


def test_all_artefacts_are_there_and_a_second_run_does_nothing(shop: Shop, tmp_path: Path) -> None:
    recipe = shop(ARMS)
    run(recipe, tmp_path / "runs")
    folder = tmp_path / "runs/shop"
    assert stages_run(folder) == STAGES
    scores = json.loads((folder / "evaluation/scores.json").read_text())
    assert [model["model"] for model in scores["models"]][:1] == ["base"]
    assert {model["arm"] for model in scores["models"]} == {"base", "separate", "mixed"}
    for arm in ("separate", "mixed"):
        lines = [json.loads(line) for line in (folder / f"training/{arm}/metrics.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == [1, 2, 3]
        assert not list((folder / "training" / arm).rglob("*.pt"))
        for name in ("model", "checkpoints/step-1"):
            opened = transformers.AutoTokenizer.from_pretrained(folder / "training" / arm / name)
            model = transformers.AutoModelForCausalLM.from_pretrained(folder / "training" / arm / name)
            assert model.config.eos_token_id == opened.eos_token_id
    page = (folder / "report/index.html").read_text()
    assert "<script" not in page
    before = digests(folder)
    printed = run(recipe, tmp_path / "runs")
    assert printed.count("up to date") == len(STAGES)
    assert stages_run(folder) == STAGES
    assert digests(folder) == before


def test_until_and_arm(shop: Shop, tmp_path: Path) -> None:
    recipe = shop(ARMS)
    runs = tmp_path / "runs"
    run(recipe, runs, "--until", "train", "--arm", "mixed")
    assert stages_run(runs / "shop") == [
        "survey",
        "ingest",
        "duplicates",
        "screen",
        "link",
        "tokenize",
        "mix",
        "pack",
        "base",
        "train mixed",
    ]
    run(recipe, runs)
    assert stages_run(runs / "shop")[10:] == ["train separate", "evaluate", "report"]


def test_workers_of_a_killed_run_do_not_live_on(shop: Shop, tmp_path: Path) -> None:
    """A rerun must never meet an old writer."""
    rows = [{"text": f"{i} " + "the river and the old bridge of the town. " * 40} for i in range(20000)]
    recipe = shop({"sources.general_en.path": ["general_en.jsonl", "more.jsonl"]}, tables={"general_en": rows})
    (recipe.parent / "more.jsonl").write_bytes((recipe.parent / "general_en.jsonl").read_bytes())
    process = subprocess.Popen(command(recipe, tmp_path / "runs"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    import psutil

    children: list[psutil.Process] = []
    while process.poll() is None and len(children) < 2:
        children = [c for c in psutil.Process(process.pid).children(recursive=True) if "spawn_main" in " ".join(c.cmdline())]
        time.sleep(0.01)
    assert children, "the run ended before it had workers"
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
