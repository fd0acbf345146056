"""What ALiBi's rounding costs: one BLOOM, trained in float32, read in float32, float16 and bfloat16, stock and exact.

    python benchmarks/alibi.py [--device cuda]

The task needs exact short distances: a token is a copy of the one three places before, in 85 of 100
places. Two layers, eight heads, trained on rows of 256 tokens and read at 2,048. The table is the
mean negative log-likelihood by position in the row. No real text and no real weights: it shows the
arithmetic, not how much a pre-trained model suffers. About a minute on two cores.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from _figures import machine, markdown
from transformers import BloomConfig
from transformers.models.bloom.modeling_bloom import BloomForCausalLM

from ecomct.training.attention import Kernel, apply_exact_attention, bloom
from ecomct.training.attention.scope import Scope

WORDS = 64
LENGTH = 2048
BUCKETS = ((8, 128), (128, 256), (256, 512), (512, 1024), (1024, LENGTH - 1))


def task(rows: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Ids (rows, length): each one that of three places before, or in 15 of 100 places any."""
    ids = torch.randint(4, WORDS, (rows, length), generator=generator)
    for place in range(3, length):
        free = torch.rand(rows, generator=generator) < 0.15
        ids[:, place] = torch.where(free, ids[:, place], ids[:, place - 3])
    return ids


def train_on_offsets(device: str, steps: int = 260) -> Any:
    """A stock BLOOM that has learned the task, trained in float32 (both attentions are one function there)."""
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=WORDS, hidden_size=128, n_layer=2, n_head=8)
    trained: Any = BloomForCausalLM(config)
    plain: Any = BloomForCausalLM(config)
    trained.to(device).train()
    apply_exact_attention(trained, "sdpa")
    optimizer = torch.optim.AdamW(trained.parameters(), lr=2e-3, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        ids = task(8, 256, generator).to(device)
        loss = trained(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        if step % 50 == 0:
            print(f"step {step}: loss {float(loss.detach()):.3f}", file=sys.stderr, flush=True)
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    plain.load_state_dict(trained.state_dict())
    return plain.to(device).eval()


@torch.no_grad()
def loss_by_position(
    plain: Any, ids: torch.Tensor, dtype: torch.dtype, kernel: Kernel | None, autocast: bool = False
) -> list[float]:
    """Mean nll in each of `BUCKETS`. `kernel` None: stock attention. `autocast`: float32 weights, `dtype` by autocast."""
    model = copy.deepcopy(plain)
    if kernel is not None:
        apply_exact_attention(model, kernel)
    if not autocast:
        model.to(dtype)
    with torch.autocast(ids.device.type, dtype=dtype, enabled=autocast):
        logits = torch.cat([model(input_ids=row[None], use_cache=False).logits.float() for row in ids])
    nll = F.cross_entropy(logits[:, :-1].reshape(-1, WORDS), ids[:, 1:].reshape(-1), reduction="none").view(len(ids), -1)
    return [round(float(nll[:, start:end].mean()), 3) for start, end in BUCKETS]


def as_on_cuda(scope: Scope, query: Any, key: Any, value: Any, *, kernel: Kernel, scale: float, dropout: float) -> Any:
    """SDPA as it runs on CUDA: queries, keys, values and the finished bias in the model's type, scores in float32."""
    with torch.autocast(query.device.type, enabled=False):
        return F.scaled_dot_product_attention(query, key, value, scope.bias(query.dtype), dropout, scale=scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    plain = train_on_offsets(device)
    ids = task(4, LENGTH, torch.Generator().manual_seed(9)).to(device)
    b16, f16, f32 = torch.bfloat16, torch.float16, torch.float32
    cases: dict[str, Callable[[], list[float]]] = {
        "float32, stock": lambda: loss_by_position(plain, ids, f32, None),
        "float32, ours": lambda: loss_by_position(plain, ids, f32, "sdpa"),
        "bfloat16, stock": lambda: loss_by_position(plain, ids, b16, None),
        "bfloat16 by autocast, stock": lambda: loss_by_position(plain, ids, b16, None, autocast=True),
        "float16, stock": lambda: loss_by_position(plain, ids, f16, None),
        "bfloat16, ours": lambda: loss_by_position(plain, ids, b16, "sdpa"),
        "bfloat16 by autocast, ours": lambda: loss_by_position(plain, ids, b16, "sdpa", autocast=True),
    }
    if device != "cpu":
        cases["bfloat16, ours (flex)"] = lambda: loss_by_position(plain, ids, b16, "flex")
    lines = []
    for name, measure in cases.items():
        lines.append([name, *(f"{value:.3f}" for value in measure())])
        print(*lines[-1], file=sys.stderr, flush=True)
    if device == "cpu":
        attend, bloom.attend = bloom.attend, as_on_cuda
        name = "bfloat16, ours, bias rounded as on CUDA"
        lines.append([name, *(f"{value:.3f}" for value in loss_by_position(plain, ids, b16, "sdpa"))])
        bloom.attend = attend
    print(machine())
    print(markdown(["position", *(f"{start:,}-{end:,}" for start, end in BUCKETS)], lines))


if __name__ == "__main__":
    main()
