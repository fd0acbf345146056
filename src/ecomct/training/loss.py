"""Next-token loss without the logits.

A 151,643-word vocabulary makes 1.2 GB of float32 logits for one sequence of 2,048, and stock
cross-entropy holds several copies. Here the output layer and the cross-entropy run together over
chunks of positions, and each chunk's gradients are made while its logits exist, so that neither
logits nor a second matrix product outlive it. Beside the sum stands the loss of every token, so that
training can say what it learns from which source (`ecomct.training.by_source`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from ecomct.errors import InputError
from ecomct.training.liger import Losses, liger_losses

LossKernel = Literal["auto", "chunked", "liger"]
LossMode = Literal["chunked", "liger", "whole"]
IGNORED = -100
# Logits of one chunk: 16 Mi floats, 64 MiB. On a CPU larger ones are slower, they leave the cache sooner.
_CHUNK = 1 << 24


@dataclass
class TokenLosses(ModelOutput):
    """What a model prepared by `prepare_loss` returns when it is given labels.

    `loss`: the normalised loss, to be differentiated. `nll` float32[predictions]: the loss of each
    predicted token in nats, in the order of `labels[:, 1:]` without the ignored ones; it has no gradient.
    """

    loss: torch.Tensor | None = None
    nll: torch.Tensor | None = None


class _LinearCrossEntropy(torch.autograd.Function):
    """Sum of the cross-entropies of `hidden @ weight.T`, and each; gradients are finished in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, rows: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        with torch.autocast(device, enabled=False):
            low_weight = weight.to(dtype)
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            nll = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
            grad_hidden = torch.empty_like(hidden) if wants_hidden else None
            # Sums over chunks stay in float32: rounding each product to bfloat16 would bias training.
            grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
            for start in range(0, len(targets), rows):
                part = hidden[start : start + rows]
                wanted = targets[start : start + rows, None]
                low = part.to(dtype)
                scores = (low @ low_weight.T).float()
                # One buffer: logits, then exponentials, then probabilities minus the target.
                hit = scores.gather(1, wanted)
                top = scores.amax(dim=1, keepdim=True)
                mass = scores.sub_(top).exp_().sum(dim=1, keepdim=True)
                losses = mass.log() + top - hit
                total += losses.sum()
                nll[start : start + rows] = losses[:, 0]
                if not (wants_hidden or wants_weight):
                    continue
                scores.div_(mass).scatter_add_(1, wanted, torch.full_like(hit, -1.0))
                if grad_hidden is not None:
                    grad_hidden[start : start + rows] = (scores.to(dtype) @ low_weight).to(grad_hidden.dtype)
                if grad_weight is not None:
                    grad_weight.addmm_(scores.T, part.float())
                del scores
        # A second backward pass would meet scaled gradients; autograd's version check stops it.
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.weight_dtype = weight.dtype
        ctx.mark_non_differentiable(nll)
        return total, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        to_hidden = None if grad_hidden is None else grad_hidden.mul_(grad)
        to_weight = None if grad_weight is None else grad_weight.mul_(grad).to(ctx.weight_dtype)
        return to_hidden, to_weight, None, None


def linear_cross_entropy(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of the cross-entropies of `targets` (N), and each of them, without their logits.

    The logits are `hidden` (N, H) @ `weight` (V, H) transposed. The sum is a scalar with gradients; the loss of each
    target, float32[N] in nats, has none. Equal to `F.cross_entropy(logits.float(), targets)` in loss and gradients, up
    to the order of float32 sums; under autocast the logits are computed in its type, as a linear layer would. Entries
    of `targets` are vocabulary ids; leave ignored positions out beforehand.

    Memory: one chunk of logits (64 MiB, or one row), one float32 gradient of `weight`, one float a
    target. Work: the same three matrix products as the stock loss, without recomputation. One backward
    pass only.
    """
    rows = max(1, _CHUNK // weight.shape[0])
    return cast(tuple[torch.Tensor, torch.Tensor], _LinearCrossEntropy.apply(hidden, weight, targets, rows))


def _logits_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same from logits (N, V) that exist."""
    losses = F.cross_entropy(logits.float(), targets, reduction="none")
    return losses.sum(), losses.detach()


def prepare_loss(model: PreTrainedModel, kernel: LossKernel = "auto") -> LossMode:
    """Make `model(labels=...)` return the token-normalised loss without logits where that is exact.

    "chunked": the output layer is a plain linear layer over the last hidden state, confirmed against
    the model's own logits. "whole": anything else (scaled or capped logits, a bias); the loss is then
    the cross-entropy of the model's own logits, at stock memory. In both the sum is divided by
    `num_items_in_batch`, or by the number of targets of the call, and the result is `TokenLosses`.
    Calls without labels are untouched.

    `kernel` "auto" takes what the model allows, "chunked" insists on it; "liger" takes Liger's Triton
    kernel in its place, on CUDA (`ecomct.training.liger`).

    Raises:
        InputError: the model's own loss is not the next-token cross-entropy (a router loss, say), or
            the `kernel` asked for cannot serve this model or machine.
    """
    stock: Callable[..., Any] = model.forward
    mode = _probe(model)
    if mode == "whole" and kernel != "auto":
        raise InputError(
            f"training.loss_kernel: {kernel} needs a plain linear output layer, and {model.config.model_type} scales, caps "
            "or shifts its logits; use loss_kernel: auto"
        )
    fused: Losses = linear_cross_entropy
    if kernel == "liger":
        mode, fused = "liger", liger_losses()

    def forward(
        input_ids: torch.Tensor,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **inputs: Any,
    ) -> Any:
        if labels is None:
            return stock(input_ids=input_ids, **inputs)
        inputs["use_cache"] = False
        targets = labels[:, 1:].reshape(-1)
        kept = targets != IGNORED
        targets = targets[kept]
        if mode == "whole":
            logits = stock(input_ids=input_ids, **inputs).logits[:, :-1]
            total, nll = _logits_cross_entropy(logits.reshape(-1, logits.shape[-1])[kept], targets)
        else:
            hidden = model.base_model(input_ids=input_ids, **inputs).last_hidden_state[:, :-1]
            head = model.get_output_embeddings()
            total, nll = fused(hidden.reshape(-1, hidden.shape[-1])[kept], head.weight, targets)
        loss = total / (len(targets) if num_items_in_batch is None else num_items_in_batch)
        return TokenLosses(loss=loss, nll=nll)

    model.forward = forward
    return mode


@torch.no_grad()
def _probe(model: PreTrainedModel) -> LossMode:
    """Compare, on a few random tokens in evaluation mode, the model's loss and logits with ours.

    The logits are compared with the output layer amplified: a cap (30 tanh(x / 30), say) hides
    in the small logits of a fresh model and shows only in the large ones of a trained one.
    """
    training = model.training
    model.eval()
    try:
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(model.config.get_text_config().vocab_size, (1, 24), generator=generator).to(model.device)
        output = model(input_ids=ids, labels=ids, use_cache=False)
        logits = output.logits.float()
        expected = F.cross_entropy(logits[0, :-1], ids[0, 1:])
        if not torch.allclose(output.loss.float(), expected, rtol=0, atol=1e-5):
            raise InputError(
                f"model: {model.config.model_type} adds terms of its own to the next-token loss "
                f"({output.loss:.6f} against {expected:.6f}); switch them off in its configuration (output_router_logits: false)"
            )
        head = model.get_output_embeddings()
        if type(head) is not nn.Linear or head.bias is not None or model.base_model is model:
            return "whole"
        factor = 1e3 / logits.abs().max()
        amplifier = head.register_forward_hook(lambda _, __, scores: scores * factor)
        try:
            theirs = model(input_ids=ids, use_cache=False).logits.float()
            hidden = getattr(model.base_model(input_ids=ids, use_cache=False), "last_hidden_state", None)
            if hidden is None or hidden.shape[-1] != head.weight.shape[1]:
                return "whole"
            ours = head(hidden).float()
        finally:
            amplifier.remove()
        return "chunked" if bool((ours - theirs).abs().max() <= 1e-4 * ours.abs().max()) else "whole"
    finally:
        model.train(training)
