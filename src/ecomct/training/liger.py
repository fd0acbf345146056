"""Liger's fused linear cross-entropy in the place of ours: a Triton kernel, for CUDA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ecomct.errors import InputError

Losses = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
# Largest relative error of a gradient against float64 on random numbers; the kernel may multiply in TF32.
_AGREES = 5e-3


def liger_losses() -> Losses:
    """Return a function as `ecomct.training.loss.linear_cross_entropy`, computed by Liger's kernel.

    Gradients of the output layer are summed over chunks in float32; Liger's own default is the type of
    the weight, which biases bf16 training. The loss is asked for token by token, for which Liger (0.8.5)
    makes the logits a second time in the backward pass: four matrix products where ours takes three.
    Before it is used, its loss and gradients are compared with float64 ones on random numbers.

    Raises:
        InputError: there is no CUDA device, Liger is not installed, or its results are off.
    """
    if not torch.cuda.is_available():
        raise InputError("training.loss_kernel: liger runs on CUDA only, and there is no CUDA device; use loss_kernel: auto")
    try:
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss
    except ImportError as error:
        raise InputError(
            "training.loss_kernel: liger is not installed; run `pip install 'ecomct[liger]'` or use loss_kernel: auto"
        ) from error
    kernel: Any = LigerFusedLinearCrossEntropyLoss(reduction="none", accum_dtype=torch.float32)

    def losses(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nll: torch.Tensor = kernel(weight, hidden, targets)
        return nll.sum(), nll.detach()

    check_losses(losses, torch.device("cuda"))
    return losses


def check_losses(losses: Losses, device: torch.device) -> None:
    """Compare a kernel's loss and gradients with float64 ones, under a weight that is not 1.

    Raises:
        InputError: they differ by more than rounding.
    """
    generator = torch.Generator().manual_seed(0)
    hidden, weight = torch.randn(50, 64, generator=generator), torch.randn(700, 64, generator=generator) / 4
    targets = torch.randint(700, (50,), generator=generator).to(device)
    made = []
    for function, dtype in ((losses, torch.float32), (_exact, torch.float64)):
        h, w = (tensor.detach().to(device, dtype, copy=True).requires_grad_() for tensor in (hidden, weight))
        total, nll = function(h, w, targets)
        (total / 7).backward()
        made.append([tensor.detach().double() for tensor in (nll, h.grad, w.grad) if tensor is not None])
    for name, ours, exact in zip(("loss", "hidden state's gradient", "weight's gradient"), *made, strict=True):
        off = float((ours - exact).norm() / exact.norm())
        if not off <= _AGREES:
            raise InputError(f"training.loss_kernel: liger's {name} is off by {off:.1e} on this device; use loss_kernel: auto")


def _exact(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    nll = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="none")
    return nll.sum(), nll
