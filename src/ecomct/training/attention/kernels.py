"""The computations behind one exact BLOOM attention: SDPA run by run, SDPA with a dense bias, FlexAttention, and in the open."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import flex_attention

from ecomct.training.attention.scope import Scope

Kernel = Literal["auto", "sdpa", "flex"]
# Below one block of FlexAttention its bookkeeping costs more than the attention.
_SHORTEST_FLEX = 128


def attend(
    scope: Scope,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    kernel: Kernel,
    scale: float,
    dropout: float,
) -> torch.Tensor:
    """Return the context (batch, heads, length, head size) in the type of `value`.

    CPU: in float32 at least, whatever comes in (bfloat16 is no faster there), run by run where no
    cache is behind the queries, so that neither padding nor other segments cost anything. CUDA: in
    the type of `query`, FlexAttention for passes without a cache and SDPA for the rest; both keep
    scores in float32, and only SDPA rounds the bias to that type, after it was formed in float32.
    """
    device = query.device.type
    # Autocast would round the bias once more, and on the way to some kernels the scores too.
    with torch.autocast(device, enabled=False):
        if _takes_flex(scope, kernel, device, dropout):
            score_mod, mask = scope.flex
            return cast(torch.Tensor, _flex()(query, key, value, score_mod=score_mod, block_mask=mask, scale=scale))
        if device != "cpu":
            key, value = key.to(query.dtype), value.to(query.dtype)
            return F.scaled_dot_product_attention(query, key, value, scope.bias(query.dtype), dropout, scale=scale)
        left, right, values = _exact(query), _exact(key), _exact(value)
        if scope.keys != scope.length or scope.gaps:
            context = F.scaled_dot_product_attention(left, right, values, scope.bias(left.dtype), dropout, scale=scale)
        else:
            context = _by_runs(scope, left, right, values, scale=scale, dropout=dropout)
        return context.to(value.dtype)


def attend_in_the_open(
    scope: Scope, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the context as `attend` does, and the attention weights (batch, heads, length, keys) that no kernel shows."""
    with torch.autocast(query.device.type, enabled=False):
        left, right, values = _exact(query), _exact(key), _exact(value)
        weights = (left @ right.transpose(-1, -2) * scale + scope.bias(left.dtype)).softmax(dim=-1)
        return (weights @ values).to(value.dtype), weights.to(value.dtype)


def _exact(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _takes_flex(scope: Scope, kernel: Kernel, device: str, dropout: float) -> bool:
    fits = scope.length >= _SHORTEST_FLEX and scope.keys == scope.length and not dropout
    return fits and (kernel == "flex" or (kernel == "auto" and device == "cuda"))


@cache
def _flex() -> Any:
    # Uncompiled it would hold all scores; made once, so that every model shares the compiled kernels.
    return torch.compile(flex_attention)


def _by_runs(
    scope: Scope, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, scale: float, dropout: float
) -> torch.Tensor:
    def run(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        size = query.shape[2]
        bias = scope.own_table[..., :size, :size].to(query.dtype)
        return F.scaled_dot_product_attention(query, key, value, bias, dropout, scale=scale)

    if scope.spans is None:
        return run(query, key, value)
    rows = []
    for index, spans in enumerate(scope.spans):
        pieces, reached = [], 0
        for start, end in spans:
            if start > reached:
                pieces.append(torch.zeros_like(value[index : index + 1, :, reached:start]))
            here = (slice(index, index + 1), slice(None), slice(start, end))
            pieces.append(run(query[here], key[here], value[here]))
            reached = end
        if reached < scope.length:
            pieces.append(torch.zeros_like(value[index : index + 1, :, reached:]))
        rows.append(torch.cat(pieces, dim=2))
    return torch.cat(rows, dim=0)
