"""BLOOM's attentions on this machine: first whether they are right, then how fast.

    python benchmarks/gpu_bloom.py                      on CUDA: proofs, then BLOOM-3B and 7B1 at 2,048
    python benchmarks/gpu_bloom.py --sizes 3b --micro-batch 8 --recompute --segment 300
    python benchmarks/gpu_bloom.py --sizes small        on a CPU: the ratio of a step of stock to ours
    python benchmarks/gpu_bloom.py --dry-run            on a CPU, tiny: that the script itself works

Proofs: logits and all gradients of a small BLOOM in float32 against stock eager, whole and packed
(against its segments alone); and the loss by position in bfloat16 of a model trained on exact
distances (benchmarks/alibi.py). A proof that fails ends the script with exit code 1.

Speed: forward and backward passes of random weights (bfloat16 on CUDA, float32 on a CPU) without an
optimizer; on a CPU in processor seconds of one thread. `stock`: transformers' model and loss.
`eager`, `sdpa`, `flex`: stock attention and ours, all with our loss without logits. MFU counts
6 (12 L h^2 + V h) + 12 L h T operations a token (PaLM: attention as if not causal, recomputation
not counted) against the dense bfloat16 peak of the card.
Every case runs in a process of its own: what one leaves behind, out of memory included, is no
matter to the next.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from _figures import machine, markdown

# hidden size, layers, heads, vocabulary
SIZES = {
    "3b": (2560, 30, 32, 250880),
    "7b1": (4096, 30, 32, 250880),
    "small": (256, 4, 8, 8192),
    "tiny": (64, 2, 4, 512),
}
CASES = ("stock", "eager", "sdpa", "flex")
# Dense bfloat16, operations a second, from the vendor's data sheets.
PEAKS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}
# Largest difference as a share of the largest value: float32, other order of sums.
ROUNDING = 2e-6
# Nats by which bfloat16 may differ from float32 in a bucket of positions; stock is off by 1 and more.
BFLOAT16 = 0.02


def gradients_proof(kernel: str, device: str, length: int) -> dict[str, Any]:
    """Largest differences of logits and gradients to stock eager, whole and packed."""
    import torch
    from transformers import BloomConfig
    from transformers.models.bloom.modeling_bloom import BloomForCausalLM

    from ecomct.training.attention import apply_exact_attention

    torch.set_float32_matmul_precision("highest")
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=512, hidden_size=256, n_layer=2, n_head=8, initializer_range=0.05)
    plain: Any = BloomForCausalLM(config)
    exact: Any = BloomForCausalLM(config)
    for model in (plain, exact):
        model.to(device).train()
    exact.load_state_dict(plain.state_dict())
    apply_exact_attention(exact, kernel)  # type: ignore[arg-type]
    ids = torch.randint(512, (2, length), device=device)
    sizes = (length // 2 - 7, 1, length - length // 2 + 6)
    positions = torch.cat([torch.arange(size, device=device) for size in sizes])[None]

    def share(ours: Any, theirs: Any) -> float:
        return float((ours - theirs).abs().max() / theirs.abs().max())

    found: dict[str, Any] = {}
    for shape in ("whole", "packed"):
        plain.zero_grad()
        exact.zero_grad()
        ours = exact(ids, position_ids=positions if shape == "packed" else None, use_cache=False).logits
        parts = ids.split(sizes, dim=1) if shape == "packed" else [ids]
        theirs = torch.cat([plain(part, use_cache=False).logits for part in parts], dim=1)
        wanted = torch.randn(ours.shape, generator=torch.Generator(device).manual_seed(1), device=device)
        (ours * wanted).mean().backward()
        (theirs * wanted).mean().backward()
        # Of all parameters as one vector: softmax gives the biases of keys no gradient but rounding.
        largest = max(float(p.grad.abs().max()) for p in plain.parameters() if p.grad is not None)
        pairs = [(a.grad, b.grad) for a, b in zip(exact.parameters(), plain.parameters(), strict=True)]
        found[f"{shape}: logits"] = share(ours, theirs)
        found[f"{shape}: gradients"] = (
            max(float((a - b).abs().max()) for a, b in pairs if a is not None and b is not None) / largest
        )
    found["proven"] = all(value <= ROUNDING for value in found.values())
    return found


def positions_proof(device: str, steps: int, rows: int) -> dict[str, Any]:
    """Loss by position in bfloat16 against float32, for stock and for every kernel; `steps` of training, `rows` read."""
    import torch
    from alibi import LENGTH, loss_by_position, task, train_on_offsets

    from ecomct.training.attention import Kernel

    plain = train_on_offsets(device, steps)
    ids = task(rows, LENGTH, torch.Generator().manual_seed(9)).to(device)
    truth = loss_by_position(plain, ids, torch.float32, None)
    found: dict[str, Any] = {"float32": truth, "bfloat16 stock": loss_by_position(plain, ids, torch.bfloat16, None)}
    kernels: tuple[Kernel, ...] = ("sdpa", "flex") if device == "cuda" else ("sdpa",)
    ours = {kernel: loss_by_position(plain, ids, torch.bfloat16, kernel) for kernel in kernels}
    found |= {f"bfloat16 {kernel}": values for kernel, values in ours.items()}
    found["proven"] = all(abs(a - b) <= BFLOAT16 for values in ours.values() for a, b in zip(values, truth, strict=True))
    return found


def speed(case: str, size: str, options: argparse.Namespace, device: str) -> dict[str, Any]:
    """Seconds of a step (median), tokens a second, MFU, peak memory."""
    import torch
    from transformers import BloomConfig
    from transformers.models.bloom.modeling_bloom import BloomForCausalLM

    from ecomct.training.attention import apply_exact_attention
    from ecomct.training.loss import prepare_loss

    hidden, layers, heads, words = SIZES[size]
    rows, length = options.micro_batch, options.length
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = BloomForCausalLM(BloomConfig(vocab_size=words, hidden_size=hidden, n_layer=layers, n_head=heads))
    if case in ("sdpa", "flex"):
        apply_exact_attention(model, case)  # type: ignore[arg-type]
    if case != "stock":
        prepare_loss(model)
    if device == "cuda":
        model.to(torch.bfloat16)
    model.train()
    if options.recompute:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    ids = torch.randint(words, (rows, length), device=device)
    inputs: dict[str, Any] = {"input_ids": ids, "labels": ids}
    if options.segment and case in ("sdpa", "flex"):
        inputs["position_ids"] = (torch.arange(length, device=device) % options.segment).expand(rows, -1)
    wait: Callable[[], None] = torch.cuda.synchronize if device == "cuda" else (lambda: None)

    # One thread and processor seconds hold their own on a machine with other work.
    clock = time.perf_counter if device == "cuda" else time.process_time
    if device == "cpu":
        torch.set_num_threads(1)

    def step() -> float:
        start = clock()
        model(**inputs, use_cache=False).loss.backward()
        model.zero_grad(set_to_none=True)
        wait()
        return clock() - start

    first = step()
    step()
    seconds = sorted(step() for _ in range(options.steps))[options.steps // 2]
    rate = rows * length / seconds
    work = 6 * (12 * layers * hidden**2 + words * hidden) + 12 * layers * hidden * length
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    peak = next((value for card, value in PEAKS.items() if card in name), None)
    memory = torch.cuda.max_memory_allocated() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "device": name,
        "first": first,
        "seconds": seconds,
        "rate": rate,
        "tflops": rate * work / 1e12,
        "mfu": None if peak is None else rate * work / peak,
        "gib": memory / 2**30,
    }


def run_case(name: str, options: argparse.Namespace, device: str) -> dict[str, Any]:
    """One case, in this process."""
    import torch

    try:
        kind, _, rest = name.partition(":")
        if kind == "gradients":
            return gradients_proof(rest, device, 512 if device == "cuda" else 160)
        if kind == "positions":
            return positions_proof(device, *((40, 1) if options.dry_run else (260, 4)))
        return speed(rest, kind, options, device)
    except torch.cuda.OutOfMemoryError:
        return {"failed": "out of memory"}
    except NotImplementedError as error:
        return {"failed": str(error).splitlines()[0]}


def in_a_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One case in a fresh process; whatever happens to it is a line."""
    command = [sys.executable, __file__, "--case", name, *sys.argv[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        killed = " (killed: out of host memory?)" if done.returncode == -9 else ""
        return {"failed": f"exit code {done.returncode}{killed}: {said[:160]}"}
    return answer


def options_from(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["3b", "7b1"])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--micro-batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--segment", type=int, default=0, help="pack rows from segments of so many tokens (ours only)")
    parser.add_argument("--recompute", action="store_true", help="activation checkpointing")
    parser.add_argument("--no-proofs", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.dry_run:
        options.sizes, options.length, options.steps = ["tiny"], 256, 3
    return options


def main() -> int:
    options = options_from()
    import torch

    device = "cuda" if torch.cuda.is_available() and not options.dry_run else "cpu"
    if options.case:
        print(json.dumps(run_case(options.case, options, device)))
        return 0
    if device == "cpu" and {"3b", "7b1"} & set(options.sizes):
        print("no CUDA device: give --dry-run, or --sizes small for the ratio on a CPU", file=sys.stderr)
        return 2
    print(machine())
    proven = True
    if not options.no_proofs:
        print("## Right?\n")
        for name in ("gradients:sdpa", "gradients:flex", "positions"):
            found = in_a_process(name, options)
            # No backward pass of FlexAttention on a CPU is a fact of PyTorch, not a fault of ours.
            excused = device == "cpu" and name == "gradients:flex" and "not support backward on CPU" in found.get("failed", "")
            proven = proven and (found.pop("proven", False) or excused)
            for what, value in found.items():
                print(f"- {name}, {what}: {value if isinstance(value, (str, list)) else f'{value:.1e}'}")
        print(f"\n{'Proven' if proven else 'NOT PROVEN: no figure below means anything'}.\n")
    print(f"## Fast? {options.micro_batch} x {options.length}\n")
    lines = []
    for size in options.sizes:
        base: float | None = None
        for case in options.cases:
            found = in_a_process(f"{size}:{case}", options)
            if "failed" in found:
                lines.append([size, case, found["failed"]])
                continue
            base = base or found["seconds"]
            mfu = "" if found["mfu"] is None else f"{100 * found['mfu']:.1f} %"
            figures = [f"{found['seconds']:.3f}", f"{found['first']:.1f}", f"{found['rate']:,.0f}", f"{found['tflops']:.2f}"]
            ratio = f"{base / found['seconds']:.2f}"
            lines.append([size, case, *figures, mfu, f"{found['gib']:.2f}", ratio, found["device"]])
    head = [
        "size",
        "attention",
        "s a step",
        "first step s",
        "tokens/s",
        "TFLOP/s",
        "MFU",
        "peak GiB",
        "times the first",
        "device",
    ]
    print(markdown(head, lines))
    return 0 if proven else 1


if __name__ == "__main__":
    sys.exit(main())
