"""How samples share a sequence without reading each other: tested on the model itself."""

from __future__ import annotations

import logging
from typing import Any, Literal

import torch
from transformers import PreTrainedModel

from ecomct.errors import InputError
from ecomct.training.attention import Kernel, apply_exact_attention

Packing = Literal["packed", "unrolled"]
# Largest difference of logits, as a share of the largest logit, that counts as rounding.
_ROUNDING = 1e-4
# A masked token has a weight of exactly 0 and so a gradient of exactly 0; this leaves room for none but tiny numbers.
_NOTHING = 1e-12
_SIZES = (9, 1, 14)
_log = logging.getLogger(__name__)


def prepare_packing(model: PreTrainedModel, kernel: Kernel = "auto") -> Packing:
    """Make packed training exact where the model allows it, and say which way exact training goes.

    A BLOOM gets exact attention first (`apply_exact_attention` with `kernel`); other models keep
    their own, which transformers chose. Then random segments are run alone
    and packed into one row with `position_ids` that restart. "packed": the logits agree to rounding,
    and no logit has a gradient at a token of another segment, while without the restarts it has one
    (so the probe can see). The gradient finds leaks that a fresh model's small weights hide.
    "unrolled": anything else; every segment must be a row of its own, right-padded under an attention
    mask, which is exact for a causal model and is checked too. Unrolled rows cost up to
    (segments x longest segment) / length times the work of a packed row.

    Cost: nine forward passes over at most 24 tokens in float32, three of them with a backward pass.

    The probe runs where the model is. A model on the CPU that trains on CUDA is proven on its CPU
    kernels; `benchmarks/gpu_bloom.py` proves BLOOM's on CUDA.

    Raises:
        InputError: the model reads later tokens, or changes with padding, so that neither way is
            exact; or the model or the machine cannot run `kernel`.
    """
    if kernel == "flex" and not torch.cuda.is_available():
        raise InputError("training.attention: flex trains on CUDA only (FlexAttention has no backward pass on a CPU); use auto")
    try:
        exact = apply_exact_attention(model, kernel)
    except ValueError as error:
        raise InputError(f"training.attention: {error}") from error
    if kernel != "auto" and not exact:
        kind = model.config.model_type
        raise InputError(f"training.attention: {kernel} chooses a kernel for BLOOM; {kind} runs its own attention, use auto")
    training = model.training
    model.eval()
    try:
        chosen = _probe(model)
    finally:
        model.train(training)
    _log.info("%s: %s rows", model.config.model_type, chosen)
    return chosen


@torch.no_grad()
def _probe(model: PreTrainedModel) -> Packing:
    generator = torch.Generator().manual_seed(0)
    vocabulary, kind = model.config.get_text_config().vocab_size, model.config.model_type
    segments = [torch.randint(vocabulary, (1, size), generator=generator).to(model.device) for size in _SIZES]
    alone = [model(input_ids=segment, use_cache=False).logits for segment in segments]
    scale = max(float(logits.abs().max()) for logits in alone)

    def agree(left: torch.Tensor, right: torch.Tensor) -> bool:
        return float((left - right).abs().max()) <= _ROUNDING * scale

    packed = {"input_ids": torch.cat(segments, dim=1)}
    size, last = sum(_SIZES), sum(_SIZES[:-1])
    # `not ... <=` counts a NaN as a leak.
    if not _reach(model, packed, slice(last, size), slice(0, last)) <= _NOTHING:
        raise InputError(f"model: {kind} is not causal as configured: its logits depend on later tokens")

    restarts = {**packed, "position_ids": torch.cat([torch.arange(size, device=model.device) for size in _SIZES])[None]}
    together = model(**restarts, use_cache=False).logits.split(_SIZES, dim=1)
    if (
        all(agree(left, right) for left, right in zip(together, alone, strict=True))
        and _reach(model, restarts, slice(0, last), slice(last, size)) <= _NOTHING
        and _reach(model, packed, slice(0, last), slice(last, size)) > _NOTHING
    ):
        return "packed"

    padded = torch.zeros(len(_SIZES), max(_SIZES), dtype=torch.long, device=model.device)
    mask = torch.zeros_like(padded)
    for index, segment in enumerate(segments):
        padded[index, : segment.shape[1]], mask[index, : segment.shape[1]] = segment[0], 1
    unrolled = model(input_ids=padded, attention_mask=mask, use_cache=False).logits
    if not all(agree(row[None, : logits.shape[1]], logits) for row, logits in zip(unrolled, alone, strict=True)):
        raise InputError(f"model: {kind} gives a sample other logits beside padding, and cannot be packed")
    return "unrolled"


@torch.enable_grad()
def _reach(model: PreTrainedModel, inputs: dict[str, torch.Tensor], source: slice, target: slice) -> float:
    """Return how far tokens in `source` move logits in `target`: their largest gradient over that of `target`'s own tokens."""
    caught: list[torch.Tensor] = []

    def catch(module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
        caught.append(output.detach().requires_grad_())
        return caught[-1]

    hook = model.get_input_embeddings().register_forward_hook(catch)
    try:
        logits = model(**inputs, use_cache=False).logits[:, target]
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(logits.square().sum(), caught[0])
    return float(gradient[:, source].abs().max() / gradient[:, target].abs().max())
