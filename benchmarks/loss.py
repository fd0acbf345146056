"""Memory, seconds and exactness of the loss without logits beside stock logits and cross-entropy, on a CPU.

    python benchmarks/loss.py [--tokens 2048] [--hidden 256] [--vocabulary 250880]

BLOOM's vocabulary, random hidden states and output layer. Each case is a fresh process: one forward and one backward pass,
its peak memory above what it had with the inputs alone, its processor seconds. The loss of each token and both gradients are then
compared with the same in float64, which one process computes from the definition, a few positions at a time. All inputs are
numbers of bfloat16, so that every case has the same truth.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _figures import machine, markdown

from ecomct.training.loss import linear_cross_entropy

CASES = ("fp32", "bf16", "bf16 autocast")
METHODS = ("stock", "ours")
# Positions of the truth at once: 64 rows of 250,880 float64 are 128 MB.
ROWS = 64


def inputs(options: argparse.Namespace) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Hidden states (tokens, hidden), output layer (vocabulary, hidden), targets; equal in every process."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(options.tokens, options.hidden, generator=generator)
    weight = torch.randn(options.vocabulary, options.hidden, generator=generator) * 0.05
    targets = torch.randint(options.vocabulary, (options.tokens,), generator=generator)
    return hidden.bfloat16(), weight.bfloat16(), targets


def truth(options: argparse.Namespace, folder: Path) -> None:
    """Write the float64 losses and gradients of the mean loss."""
    hidden, weight, targets = inputs(options)
    wide = weight.double()
    grad_hidden, grad_weight = torch.zeros(hidden.shape, dtype=torch.float64), torch.zeros_like(wide)
    losses = torch.zeros(len(targets), dtype=torch.float64)
    for start in range(0, len(targets), ROWS):
        part, wanted = hidden[start : start + ROWS].double(), targets[start : start + ROWS]
        logits = torch.log_softmax(part @ wide.T, dim=1)
        losses[start : start + ROWS] = -logits[torch.arange(len(wanted)), wanted]
        logits.exp_()
        logits[torch.arange(len(wanted)), wanted] -= 1
        grad_hidden[start : start + ROWS] = logits @ wide / len(targets)
        grad_weight.addmm_(logits.T, part, alpha=1 / len(targets))
    for name, values in (("losses", losses), ("hidden", grad_hidden), ("weight", grad_weight)):
        np.save(folder / f"{name}.npy", values.numpy())


def resident(field: str) -> float:
    """Memory of this process, MiB: VmRSS now, VmHWM the most since `forget_peak`. Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def forget_peak() -> None:
    """Let VmHWM begin again at the memory of this moment: what making the inputs took at its height is no part of the loss."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(options: argparse.Namespace, case: str, method: str, folder: Path) -> dict[str, Any]:
    """One forward and backward pass of the mean loss."""
    hidden, weight, targets = inputs(options)
    dtype = torch.bfloat16 if case == "bf16" else torch.float32
    hidden, weight = hidden.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_()
    # Thread pools and the libraries' buffers exist before the first reading.
    linear_cross_entropy(hidden[:2], weight[:50], targets[:2] % 50)[0].backward()
    hidden.grad = weight.grad = None
    gc.collect()
    forget_peak()
    before, begin = resident("VmRSS"), time.process_time()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=case == "bf16 autocast"):
        if method == "stock":
            nll = F.cross_entropy(F.linear(hidden, weight).float(), targets, reduction="none")
            loss = nll.mean()
        else:
            total, nll = linear_cross_entropy(hidden, weight, targets)
            loss = total / len(targets)
    loss.backward()
    seconds, memory = time.process_time() - begin, resident("VmHWM") - before
    assert hidden.grad is not None
    assert weight.grad is not None
    made = {"losses": nll.detach(), "hidden": hidden.grad, "weight": weight.grad}
    return {"memory": memory, "seconds": seconds, **{name: off(folder / f"{name}.npy", values) for name, values in made.items()}}


def off(path: Path, values: torch.Tensor) -> float:
    """Relative error (2-norm) against a saved truth, a stretch at a time."""
    exact = np.load(path, mmap_mode="r")
    wrong = total = 0.0
    for start in range(0, len(exact), 1 << 14):
        part = torch.from_numpy(exact[start : start + (1 << 14)].copy())
        wrong += float((values[start : start + (1 << 14)].double() - part).square().sum())
        total += float(part.square().sum())
    return float((wrong / total) ** 0.5)


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=250880)
    parser.add_argument("--only", nargs=3, metavar=("CASE", "METHOD", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        case, method, folder = options.only
        if method == "truth":
            truth(options, Path(folder))
        else:
            print(json.dumps(measure(options, case, method, Path(folder))))
        return
    print(machine())
    sizes = [f"--{name}={getattr(options, name)}" for name in ("tokens", "hidden", "vocabulary")]
    lines, ratios = [], []
    with tempfile.TemporaryDirectory() as folder:

        def run(case: str, method: str) -> Any:
            command = [sys.executable, __file__, *sizes, "--only", case, method, folder]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            return json.loads(said) if said else None

        run("float64", "truth")
        for case in CASES:
            found = {method: run(case, method) for method in METHODS}
            for method, one in found.items():
                errors = [f"{one[name]:.1e}" for name in ("losses", "hidden", "weight")]
                lines.append([case, method, f"{one['memory']:,.0f}", f"{one['seconds']:.1f}", *errors])
            ratios.append(f"{case} 1/{found['stock']['memory'] / found['ours']['memory']:.1f}")
    head = ["numbers", "loss", "MiB above the inputs", "processor s", "error: losses", "gradient of hidden", "gradient of weight"]
    print(markdown(head, lines))
    print(f"\nMemory, ours to stock: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
