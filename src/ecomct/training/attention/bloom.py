"""BLOOM with exact attention: packed, padded, cached, in full and in low precision.

As transformers 5.23 ships it, BLOOM (a) ignores `position_ids`, so packed samples read each other,
and (b) adds ALiBi as slope x absolute key position rounded to the working precision: at position
2,047 bfloat16 is 8 apart, more than the bias between neighbours. Here segments attend alone and the
bias is relative (`Scope`), on every path: training, scoring, generation. Nothing falls back to the
stock attention.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions, CausalLMOutputWithCrossAttentions
from transformers.modeling_utils import slice_logits_to_keep
from transformers.models.bloom import modeling_bloom as stock

from ecomct.training.attention.kernels import Kernel, attend, attend_in_the_open
from ecomct.training.attention.scope import Scope, find_starts


def apply_exact_attention(model: PreTrainedModel, kernel: Kernel = "auto") -> bool:
    """Give a BLOOM causal LM exact attention; return False for any other model, untouched.

    Only this object changes: its modules take subclasses of their own classes that add no weights
    and no settings, so names and the saved form stay, and stock transformers opens what is saved.
    Calls keep their form; new is that restarts of `position_ids` are segment boundaries (the way
    other decoders of transformers read them). In float32 every output equals stock's to rounding.

    Args:
        model: on any device, in any precision; it may be moved and cast afterwards.
        kernel: "flex": FlexAttention, compiled at the first pass (no backward pass on a CPU);
            "sdpa": PyTorch's SDPA with the bias as a tensor; "auto": flex on CUDA, else sdpa.

    Cost on a CPU: one bias table of heads x longest run squared floats a forward pass (134 MB for 8
    heads and 2,048 tokens). SDPA on CUDA: rows x heads x length squared in the model's type (268 MB
    a row of 2,048 for BLOOM-3B in bfloat16). Flex: nothing of that size.

    Raises:
        ValueError: `kernel` is "flex" and the configuration drops attention weights, which it cannot.
    """
    if type(model) is not stock.BloomForCausalLM and not isinstance(model, BloomForCausalLM):
        return False
    if kernel == "flex" and model.config.attention_dropout:
        raise ValueError("FlexAttention has no dropout; set attention_dropout: 0 in the model's configuration or use sdpa")
    model.__class__ = BloomForCausalLM
    model.transformer.__class__ = ExactBloom
    model.transformer.kernel = kernel  # type: ignore[assignment]
    for block in model.transformer.h:
        block.self_attention.__class__ = ExactAttention
    return True


class ExactAttention(stock.BloomAttention):
    """`BloomAttention` that takes a `Scope` and a kernel in the places of ALiBi tensor and mask."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        residual: torch.Tensor,
        alibi: Any,
        attention_mask: Any,
        layer_past: Any = None,
        use_cache: bool = False,
        output_attentions: bool = False,
        **kwargs: Any,
    ) -> Any:
        query, key, value = self._reshape(self.query_key_value(hidden_states))
        if layer_past is not None:
            key, value = layer_past.update(key, value, self.layer_idx)
        weights = None
        if output_attentions:
            context, weights = attend_in_the_open(alibi, query, key, value, self.inv_norm_factor)
        else:
            dropout = self.attention_dropout.p if self.training else 0.0
            context = attend(alibi, query, key, value, kernel=attention_mask, scale=self.inv_norm_factor, dropout=dropout)
        merged = context.transpose(1, 2).reshape(hidden_states.shape)
        return stock.dropout_add(self.dense(merged), residual, self.hidden_dropout, self.training), weights


class ExactBloom(stock.BloomModel):
    """`BloomModel` that reads restarts of `position_ids` as segment boundaries and hands its layers a `Scope`."""

    kernel: Kernel = "auto"

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
        """As `BloomModel.forward`. A packed row is whole or not at all: it takes no cache."""
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give input_ids or inputs_embeds, and not both")
        if position_ids is None and any(kwargs.get(name) is not None for name in ("cu_seq_lens_q", "seq_idx")):
            raise ValueError("BLOOM reads segment boundaries from position_ids; give them beside cu_seq_lens_q or seq_idx")
        config = self.config
        shows_attentions = config.output_attentions if output_attentions is None else output_attentions
        shows_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        embedded = self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        past = int(past_key_values.get_seq_length()) if past_key_values is not None else 0
        scope = self._scope(embedded, past_key_values, past, attention_mask, position_ids)
        packed = scope.starts is not None
        if use_cache is None:
            use_cache = config.use_cache and not self.training and not packed
        if self.training and self.gradient_checkpointing:
            use_cache = False
        if packed and (use_cache or past_key_values is not None):
            raise ValueError("packed BLOOM rows take no cache: what follows would have to know its segment; set use_cache=False")
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=config)

        hidden = self.word_embeddings_layernorm(embedded)
        states, attentions = [hidden], []
        for block in self.h:
            hidden, weights = block(
                hidden,
                alibi=scope,
                attention_mask=self.kernel,
                layer_past=past_key_values,
                use_cache=use_cache,
                output_attentions=shows_attentions,
            )
            if shows_states:
                states.append(hidden)
            attentions.append(weights)
        hidden = self.ln_f(hidden)
        output = BaseModelOutputWithPastAndCrossAttentions(
            last_hidden_state=hidden,
            past_key_values=past_key_values,
            # The last layer's state is shown behind the norm, as in every model of transformers.
            hidden_states=(*states[:-1], hidden) if shows_states else None,
            attentions=tuple(attentions) if shows_attentions else None,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()

    def _scope(
        self,
        embedded: torch.Tensor,
        cache: Any,
        past: int,
        attention_mask: torch.Tensor | None,
        position_ids: torch.Tensor | None,
    ) -> Scope:
        batch, length = embedded.shape[:2]
        keys = past + length if cache is None else int(cache.get_mask_sizes(length, 0)[0])
        kept = None
        if attention_mask is not None:
            if attention_mask.ndim != 2 or attention_mask.shape not in ((batch, past + length), (batch, keys)):
                raise ValueError(
                    f"attention_mask: BLOOM takes one of shape {(batch, past + length)}, rows and tokens with those in the "
                    f"cache, not {tuple(attention_mask.shape)}; segments are given by position_ids that restart"
                )
            kept = attention_mask.to(embedded.device) != 0
            if bool(kept[:, : past + length].all()):
                kept = None  # a static cache's empty places lie behind every query
            elif kept.shape[1] < keys:
                kept = torch.nn.functional.pad(kept, (0, keys - kept.shape[1]))
        starts = None
        if position_ids is not None:
            counts = None if kept is None else kept[:, past : past + length]
            position_ids = position_ids.to(embedded.device).expand(batch, length)
            starts = find_starts(position_ids, counts)
            if past:
                self._demand_continued(position_ids, starts, kept, past)
                starts = None
            elif not bool(starts.any()):
                starts = None
        # Two tokens: the second one's ALiBi is the slope itself, in whatever way this transformers computes it.
        two = torch.ones(1, 2, device=embedded.device)
        slopes = stock.build_alibi_tensor(two, self.num_heads, torch.float32)[:, 0, 1]
        return Scope(slopes, length, past, keys, kept, starts)

    def _demand_continued(self, position_ids: torch.Tensor, starts: torch.Tensor, kept: torch.Tensor | None, past: int) -> None:
        """Refuse positions that do not go on where the cache ends: they would mean a new segment, and read the old one."""
        if kept is None:
            wrong = position_ids[:, 0] != past
        else:
            here = kept[:, past : past + position_ids.shape[1]]
            first = position_ids.gather(1, here.int().argmax(dim=1, keepdim=True))[:, 0]
            wrong = here.any(dim=1) & (first != kept[:, :past].sum(dim=1))
        if bool(wrong.any()) or bool(starts.any()):
            raise ValueError(
                "position_ids restart behind a cache: packed BLOOM rows take no cache, "
                "and prompts are generated from with padding on the left"
            )


class BloomForCausalLM(stock.BloomForCausalLM):
    """The head class under its own name, which config.json records; it hands `position_ids` on."""

    # `generate` would compile steps of a static cache as one graph; the scope asks the host about masks.
    _can_compile_fullgraph = False

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        position_ids: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """As `BloomForCausalLM.forward`; `kwargs` go to the loss function."""
        body = self.transformer(
            input_ids,
            past_key_values=past_key_values,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            position_ids=position_ids,
            **{name: kwargs[name] for name in ("cu_seq_lens_q", "seq_idx") if name in kwargs},
        )
        logits = self.lm_head(slice_logits_to_keep(body.last_hidden_state, logits_to_keep))
        loss = None if labels is None else self.loss_function(logits, labels, vocab_size=self.config.vocab_size, **kwargs)
        output = CausalLMOutputWithCrossAttentions(
            loss=loss,
            logits=logits,
            past_key_values=body.past_key_values,
            hidden_states=body.hidden_states,
            attentions=body.attentions,
        )
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()
