"""What `ecomct plan` says of memory against what training takes, on this CPU, each case in a process of its own.

    python benchmarks/plan_memory.py [--only bloom] [--json FILE]

A case trains an arm for a few steps by the same function as `ecomct run` (`train_arm`): loading the model, the
loss, AdamW, checkpoint and all. Measured: the highest resident memory of the process (VmHWM, reset once
everything is imported) less what was resident then. Predicted: `plan` for device cpu.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from _figures import machine, markdown

MIB = 1 << 20
WORDS = 8192
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"model_type": "bloom", "hidden_size": 32, "n_layer": 1, "n_head": 2, "vocab_size": 4096},
    "bloom-30M": {"model_type": "bloom", "hidden_size": 512, "n_layer": 8, "n_head": 8, "vocab_size": WORDS},
    "bloom-105M": {"model_type": "bloom", "hidden_size": 1024, "n_layer": 7, "n_head": 16, "vocab_size": 2 * WORDS},
    "bloom-wide-words": {"model_type": "bloom", "hidden_size": 384, "n_layer": 4, "n_head": 6, "vocab_size": 120_000},
    "llama-60M": {
        "model_type": "llama",
        "hidden_size": 640,
        "num_hidden_layers": 8,
        "num_attention_heads": 10,
        "intermediate_size": 1728,
        "vocab_size": 2 * WORDS,
    },
    "qwen3-90M": {
        "model_type": "qwen3",
        "hidden_size": 768,
        "num_hidden_layers": 8,
        "num_attention_heads": 12,
        "num_key_value_heads": 4,
        "head_dim": 64,
        "intermediate_size": 2048,
        "vocab_size": 4 * WORDS,
        "tie_word_embeddings": True,
    },
}
# Shape, length, micro-batch, batch, activations, precision.
Case = tuple[str, int, int, int, str, str]
CASES: list[Case] = [
    ("bloom-30M", 512, 1, 2, "keep", "fp32"),
    ("bloom-30M", 512, 4, 8, "keep", "fp32"),
    ("bloom-30M", 512, 4, 8, "recompute", "fp32"),
    ("bloom-30M", 512, 2, 4, "keep", "bf16"),
    ("bloom-30M", 1024, 1, 2, "keep", "fp32"),
    ("bloom-105M", 256, 2, 2, "keep", "fp32"),
    ("bloom-105M", 256, 2, 4, "keep", "fp32"),
    ("bloom-wide-words", 256, 2, 4, "keep", "fp32"),
    ("bloom-wide-words", 256, 2, 4, "recompute", "bf16"),
    ("llama-60M", 512, 1, 2, "keep", "fp32"),
    ("llama-60M", 256, 4, 8, "keep", "fp32"),
    ("llama-60M", 512, 2, 4, "recompute", "fp32"),
    ("llama-60M", 256, 4, 8, "keep", "bf16"),
    ("qwen3-90M", 256, 2, 4, "keep", "fp32"),
    ("qwen3-90M", 512, 2, 4, "recompute", "bf16"),
]
TINY: Case = ("tiny", 64, 1, 2, "keep", "fp32")


def recipe_of(case: Case) -> Any:
    """The recipe of a case; its tokenizer and its source are not looked at."""
    from ecomct.recipe.model import Recipe

    shape, length, micro, batch, activations, precision = case
    return Recipe.model_validate(
        {
            "name": "memory",
            "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
            "tokenizer": {"path": "tokenizer"},
            "sequences": {"length": length},
            "model": {"config": SHAPES[shape]},
            "training": {
                "batch_size": batch,
                "micro_batch_size": micro,
                "max_steps": 2,
                "threads": 1,
                "activations": activations,
                "precision": precision,
            },
        }
    )


def write_inputs(case: Case, folder: Path) -> None:
    """A base model with random weights, and sequences, every second of them one sample, the others five."""
    import datasets
    import numpy as np
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shape, length, _, batch, _, _ = case
    given = dict(SHAPES[shape])
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(given.pop("model_type"), **given), dtype=torch.float32)
    model.save_pretrained(folder / "base")
    draw = np.random.default_rng(0)
    rows = []
    for index in range(2 * batch):
        cuts = [] if index % 2 == 0 else sorted(draw.choice(np.arange(1, length), 4, replace=False).tolist())
        ids = draw.integers(2, 4000, length).tolist()
        rows.append({"input_ids": ids, "length": length, "segments": [*cuts, length]})
    features = datasets.Features(
        {
            "input_ids": datasets.List(datasets.Value("int32"), length=length),
            "length": datasets.Value("int32"),
            "segments": datasets.List(datasets.Value("int32")),
        }
    )
    datasets.Dataset.from_list(rows, features=features).save_to_disk(folder / "sequences")


def resident(field: str) -> int:
    """Bytes of a line of /proc/self/status."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def train(case: Case, folder: Path) -> int:
    """Train a case in this process; return the bytes over what imports and a tiny training leave behind."""
    import ctypes
    import gc

    from ecomct.training.run import train_arm

    for one in (TINY, case):
        write_inputs(one, folder / one[0])
    # What is imported late, threads and the first kernels of a process are no part of a training.
    train_arm(recipe_of(TINY), "mixed", folder / "tiny/sequences", folder / "tiny/base", folder / "tiny/out")
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, home = resident("VmRSS"), folder / case[0]
    train_arm(recipe_of(case), "mixed", home / "sequences", home / "base", home / "out")
    return resident("VmHWM") - before


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose shape begins so")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--malloc", choices=("plain", "default"), default="plain", help="see docs/plan.md")
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train is not None:
        with TemporaryDirectory() as made:
            print("bytes", train(CASES[given.train], Path(made)))
        return
    from ecomct.planning.plan import memory_on_cpu

    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    if given.malloc == "plain":
        # glibc keeps freed blocks under a threshold that it raises up to 32 MiB; fixed, it gives them back.
        environment["MALLOC_MMAP_THRESHOLD_"] = "65536"
    lines, figures = [], []
    for index, case in enumerate(CASES):
        if not case[0].startswith(given.only):
            continue
        command = [sys.executable, str(Path(__file__).absolute()), "--train", str(index)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        measured = int(done.stdout.split("bytes ")[1])
        parts = memory_on_cpu(recipe_of(case))
        predicted = sum(parts.values())
        shape, length, micro, batch, activations, precision = case
        sizes = [f"{predicted / MIB:,.0f}", f"{measured / MIB:,.0f}", f"{predicted / measured - 1:+.1%}"]
        lines.append([shape, f"{length} x {micro}", str(batch), activations, precision, *sizes])
        figures.append({"case": case, "predicted": predicted, "measured": measured, "parts": parts})
        print(lines[-1], {name: round(size / MIB) for name, size in parts.items() if size}, file=sys.stderr, flush=True)
    print(machine())
    print(markdown(["model", "length x micro", "batch", "activations", "precision", "plan MiB", "taken MiB", "off"], lines))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
