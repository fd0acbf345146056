"""BLOOM attention that is exact for packed sequences and in low precision.

BLOOM as transformers 5.23 ships it (a) ignores `position_ids`, so packed samples read each other,
and (b) adds ALiBi (Press et al., 2022) as slope x absolute key position rounded to the working
precision: at position 2,047 bfloat16 is 8 apart, more than the bias between neighbours. Here the
bias is slope x (key - query) in float32, zero on the diagonal, and every segment attends alone.
Softmax does not see a constant added to a row, so in float32 both forms are one function.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions, CausalLMOutputWithCrossAttentions
from transformers.modeling_utils import slice_logits_to_keep
from transformers.models.bloom import modeling_bloom as stock


def apply_exact_attention(model: PreTrainedModel) -> bool:
    """Give a BLOOM causal LM exact attention; return False for any other model, untouched.

    Only this object changes: its modules take subclasses of their own classes that add no state,
    so weights, names and the saved form are the same as before. Packed inputs are those whose
    `position_ids` restart. Without packing, calls with a cache, a padding mask or attention or
    hidden-state outputs, generation among them, run the stock code; with packing they raise.

    Cost: attention runs in float32 outside autocast, one kernel a segment, and one bias table of
    heads x longest x longest floats a forward pass (134 MB for 8 heads and one segment of 2,048).
    """
    if type(model) is not stock.BloomForCausalLM:
        return isinstance(model, BloomForCausalLM)
    model.__class__ = BloomForCausalLM
    model.transformer.__class__ = SegmentedBloom
    for block in model.transformer.h:
        block.self_attention.__class__ = SegmentedAttention
    return True


class Segments:
    """Where each row of a batch is cut, and the bias table that all its segments share."""

    def __init__(self, position_ids: torch.Tensor | None, length: int, heads: int, device: torch.device) -> None:
        self.cuts = _cuts(position_ids, length)
        longest = max((end - start for cuts in self.cuts or [] for start, end in cuts), default=length)
        slopes = stock._get_alibi_slopes(heads, device)
        index = torch.arange(longest, device=device, dtype=torch.float32)
        distance = index[None, :] - index[:, None]
        self.bias = (slopes[:, None, None] * distance).masked_fill(distance > 0, float("-inf"))[None]


def _restarts(position_ids: torch.Tensor) -> torch.Tensor:
    """Return bool (batch, length - 1): whether the next token does not go on where this one stops."""
    return position_ids[:, 1:] != position_ids[:, :-1] + 1


def _cuts(position_ids: torch.Tensor | None, length: int) -> list[list[tuple[int, int]]] | None:
    """Return (start, end) of every segment of every row; None if no row holds more than one."""
    if position_ids is None:
        return None
    restarts = _restarts(position_ids).cpu()
    if not bool(restarts.any()):
        return None
    bounds = [[0, *(row.nonzero()[:, 0] + 1).tolist(), length] for row in restarts]
    return [list(pairwise(row)) for row in bounds]


def _packed(position_ids: torch.Tensor | None, attention_mask: torch.Tensor | None) -> bool:
    """Whether a token that counts starts anew behind another one that counts.

    `generate` numbers left padding 0, 0, 0, 0, 1, 2: those restarts are behind masked tokens only.
    """
    if position_ids is None:
        return False
    restarts = _restarts(position_ids)
    if attention_mask is not None and attention_mask.ndim == 2:
        kept = attention_mask[:, -position_ids.shape[1] :] != 0
        restarts = restarts & kept[:, 1:] & (kept.cumsum(dim=1)[:, :-1] > 0)
    return bool(restarts.any())


class SegmentedAttention(stock.BloomAttention):
    """`BloomAttention` that, given `Segments` in the place of the ALiBi tensor, attends inside each."""

    def forward(self, hidden_states: torch.Tensor, residual: torch.Tensor, alibi: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(alibi, Segments):
            return super().forward(hidden_states, residual, alibi, *args, **kwargs)
        query, key, value = self._reshape(self.query_key_value(hidden_states))
        # Autocast would round the bias to the working precision: the fault this module removes.
        with torch.autocast(query.device.type, enabled=False):
            parts = [tensor if tensor.dtype == torch.float64 else tensor.float() for tensor in (query, key, value)]
            if alibi.cuts is None:
                context = self._attend(alibi, *parts)
            else:
                rows = [
                    torch.cat([self._attend(alibi, *(p[i : i + 1, :, a:b] for p in parts)) for a, b in cuts], dim=2)
                    for i, cuts in enumerate(alibi.cuts)
                ]
                context = torch.cat(rows, dim=0)
        merged = context.to(value.dtype).transpose(1, 2).reshape(hidden_states.shape)
        return stock.dropout_add(self.dense(merged), residual, self.hidden_dropout, self.training), None

    def _attend(self, segments: Segments, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        size = query.shape[2]
        dropout = self.attention_dropout.p if self.training else 0.0
        bias = segments.bias[..., :size, :size].to(query.dtype)
        return F.scaled_dot_product_attention(query, key, value, bias, dropout, scale=self.inv_norm_factor)


class SegmentedBloom(stock.BloomModel):
    """`BloomModel` that reads restarts of `position_ids` as segment boundaries."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        position_ids: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        given = input_ids if input_ids is not None else inputs_embeds
        assert given is not None, "input_ids or inputs_embeds"
        batch, length = given.shape[:2]
        if position_ids is not None:
            position_ids = position_ids.expand(batch, length)
        packed = _packed(position_ids, attention_mask)
        if use_cache is None:
            use_cache = self.config.use_cache and not self.training and not packed
        plain = (
            past_key_values is None
            and not use_cache
            and (attention_mask is None or (attention_mask.ndim == 2 and bool(attention_mask.all())))
            and not (self.config.output_attentions if output_attentions is None else output_attentions)
            and not (self.config.output_hidden_states if output_hidden_states is None else output_hidden_states)
            and (self.config.return_dict if return_dict is None else return_dict)
        )
        if not plain:
            if packed:
                raise ValueError(
                    "packed BLOOM inputs take no cache, padding mask, attention or hidden-state outputs: "
                    "the stock attention behind these would read across segments"
                )
            return super().forward(
                input_ids,
                past_key_values,
                attention_mask,
                inputs_embeds,
                use_cache,
                output_attentions,
                output_hidden_states,
                return_dict,
                **kwargs,
            )
        embedded = self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        hidden = self.word_embeddings_layernorm(embedded)
        segments = Segments(position_ids, length, self.num_heads, hidden.device)
        for block in self.h:
            hidden = block(hidden, alibi=segments, attention_mask=None, use_cache=False)[0]
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=self.ln_f(hidden))


class BloomForCausalLM(stock.BloomForCausalLM):
    """The head class under its own name, which config.json records; it hands `position_ids` on."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        *args: Any,
        position_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **kwargs: Any,
    ) -> Any:
        if not _packed(position_ids, kwargs.get("attention_mask")):
            return super().forward(input_ids, *args, labels=labels, logits_to_keep=logits_to_keep, **kwargs)
        if args:
            raise ValueError("packed BLOOM inputs: give everything after input_ids by name")
        model_keys = {
            "past_key_values",
            "attention_mask",
            "use_cache",
            "output_attentions",
            "output_hidden_states",
            "return_dict",
        }
        outputs = self.transformer(
            input_ids, position_ids=position_ids, **{key: kwargs.pop(key) for key in model_keys & kwargs.keys()}
        )
        logits = self.lm_head(slice_logits_to_keep(outputs.last_hidden_state, logits_to_keep))
        loss = None if labels is None else self.loss_function(logits, labels, vocab_size=self.config.vocab_size, **kwargs)
        return CausalLMOutputWithCrossAttentions(loss=loss, logits=logits)
