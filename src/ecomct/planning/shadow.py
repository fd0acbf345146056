"""One forward and backward pass that computes nothing and counts every byte it would hold.

The real model, attention and loss run on PyTorch's fake tensors, which have shapes and storages but no
data; a dispatch mode sees each storage come and go. So the count needs no formula per architecture: what
the pass saves for its backward pass, what it holds for a moment, and when all that is at its height, follow
from the operations that run. The method is that of `torch.distributed._tools.mem_tracker`.
What lies inside one kernel is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.bloom import modeling_bloom as bloom

from ecomct.training.attention import apply_exact_attention
from ecomct.training.loss import _CHUNK, linear_cross_entropy
from ecomct.training.process import quiet

Part = Literal["activations", "attention", "loss", "gradients", "weights in bf16"]
PARTS: tuple[Part, ...] = ("activations", "attention", "loss", "gradients", "weights in bf16")


@dataclass(frozen=True)
class Setting:
    """How one micro-batch is computed.

    `weights` and autocast: "fp32" weights run in bfloat16 under `autocast`; ZeRO-2 has weights in bfloat16.
    `gradients` of weights, in float32: "kept" where earlier micro-batches of the step left some of every weight,
    "grown" where they come in this pass, "handed on" where each goes to a bucket or shard as soon as it is there.
    `fused`: attention as a CUDA kernel that keeps no scores and no table.
    """

    rows: int
    length: int
    recompute: bool
    weights: torch.dtype
    autocast: bool
    gradients: Literal["kept", "grown", "handed on"]
    fused: bool


@dataclass
class Peak:
    """Bytes at the height of the pass, by part, without the weights themselves."""

    total: int = 0
    parts: dict[Part, int] = field(default_factory=dict)


def trace(config: PreTrainedConfig, setting: Setting) -> Peak:
    """Return the height of memory over one micro-batch, forward and backward.

    Parts: activations (saved or in flight), attention (score matrices, bias tables and masks: whatever is
    as long as it is wide in tokens), loss (a chunk of logits, its gradients), gradients (those of weights),
    weights in bf16 (copies that autocast makes of float32 weights and keeps for the backward pass).

    Rows are taken as one sample each, the most that a table can need. Cost: the operations of the pass
    without their work, about a second for thirty layers; no memory.
    """
    with quiet(), ExitStack() as opened:
        opened.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        if setting.fused:
            opened.enter_context(_fused_attention())
        model: Any = AutoModelForCausalLM.from_config(config, dtype=setting.weights, trust_remote_code=False)
        model.train()
        if setting.fused and type(model) is bloom.BloomForCausalLM:
            for block in model.transformer.h:
                block.self_attention.__class__ = _FusedBloom
        else:
            apply_exact_attention(model)
        if setting.recompute:
            # The generator's state is a few kilobytes and fake tensors have none.
            switch = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            switch({"use_reentrant": False, "preserve_rng_state": False})
        ids = torch.zeros(setting.rows, setting.length, dtype=torch.long)
        counter = _Counter(model, setting.length, setting.autocast)
        for parameter in model.parameters():
            if setting.gradients == "kept":
                parameter.grad = torch.zeros_like(parameter)
                counter.add(parameter.grad, "gradients")
            elif setting.gradients == "handed on":
                parameter.register_post_accumulate_grad_hook(_hand_on)
        with counter:
            _micro_batch(model, ids, setting, counter)
        return counter.peak


def _hand_on(parameter: torch.Tensor) -> None:
    parameter.grad = None


def _micro_batch(model: PreTrainedModel, ids: torch.Tensor, setting: Setting, counter: _Counter) -> None:
    """The training loop's own steps, without what looks at values."""
    inputs: dict[str, Any] = {"input_ids": ids, "use_cache": False}
    rest: torch.Tensor | None = None
    if not _is_bloom(model):
        # Packed rows make transformers build this mask; here it is given, since fake positions cannot be looked at.
        mask = torch.ones(setting.rows, 1, setting.length, setting.length, dtype=torch.bool)
        counter.add(mask, "attention")
        inputs["attention_mask"] = mask
    with torch.autocast("cpu", torch.bfloat16, enabled=setting.autocast):
        if _has_plain_head(model):
            hidden = model.base_model(**inputs).last_hidden_state[:, :-1]
            flat = hidden.reshape(-1, hidden.shape[-1])
            flat = flat.index_select(0, torch.arange(flat.shape[0]))
            weight, targets = model.get_output_embeddings().weight, ids[:, 1:].reshape(-1)
            with counter.part("loss"):
                # Every chunk is like the one before: three are enough, and room for the gradient of the other rows.
                few = 3 * max(1, _CHUNK // weight.shape[0])
                rest = torch.empty_like(flat[few:])
                found: Any = linear_cross_entropy(flat[:few], weight, targets[:few])
                loss = found[0] if isinstance(found, tuple) else found
        else:
            logits = model(**inputs).logits[:, :-1]
            with counter.part("loss"):
                loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), ids[:, 1:].reshape(-1), reduction="sum")
    del inputs
    loss.backward()
    del rest


class _Counter(TorchDispatchMode):
    """Counts live storages that operations made, by part, and keeps the highest sum."""

    def __init__(self, model: PreTrainedModel, length: int, autocast: bool) -> None:
        super().__init__()
        self.peak = Peak()
        self._autocast = autocast
        self._length, self._hidden = length, model.config.get_text_config().hidden_size
        self._live: dict[Part, int] = dict.fromkeys(PARTS, 0)
        self._sum = 0
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._records: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        self._part: Part | None = None
        self._shapes = {tuple(parameter.shape) for parameter in model.parameters()}
        self._weights = [tensor.untyped_storage() for tensor in (*model.parameters(), *model.buffers())]
        for storage in self._weights:
            self._seen.add(storage)

    @contextmanager
    def part(self, name: Part) -> Iterator[None]:
        """Storages made inside belong to `name`."""
        before, self._part = self._part, name
        try:
            yield
        finally:
            self._part = before

    def add(self, tensor: torch.Tensor, part: Part) -> None:
        """Count a tensor's storage from now until it goes, once."""
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        self._records[storage] = weakref.finalize(storage, self._gone, part, size)
        self._live[part] += size
        self._sum += size
        if self._sum > self.peak.total:
            self.peak = Peak(self._sum, dict(self._live))

    def _gone(self, part: Part, size: int) -> None:
        self._live[part] -= size
        self._sum -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.add.Tensor and self._sums_gradients(args, made):
            # Autograd adds the second gradient of a tensor to the first in place, but not to a fake one.
            record = self._records.pop(args[0].untyped_storage(), None)
            if record is not None:
                record()
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.add(tensor, self._part or self._part_of(func, tensor))
        return made

    def _sums_gradients(self, args: Any, made: torch.Tensor) -> bool:
        """Whether this is autograd's own sum of two gradients, of a weight or of the stream between layers."""
        if torch._C._current_graph_task_id() == -1 or torch.is_grad_enabled():
            return False
        shapes = {tuple(one.shape) for one in args[:2] if isinstance(one, torch.Tensor)}
        shape = tuple(made.shape)
        return shapes == {shape} and (shape in self._shapes or (len(shape) == 3 and shape[-1] == self._hidden))

    def _part_of(self, func: Any, tensor: torch.Tensor) -> Part:
        shape = tuple(tensor.shape)
        if len(shape) >= 3 and shape[-1] == shape[-2] == self._length != self._hidden:
            return "attention"
        if shape in self._shapes:
            return (
                "weights in bf16" if func is torch.ops.aten._to_copy.default and tensor.dtype == torch.bfloat16 else "gradients"
            )
        return "activations"


def _is_bloom(model: PreTrainedModel) -> bool:
    return isinstance(model, bloom.BloomForCausalLM)


def _has_plain_head(model: PreTrainedModel) -> bool:
    """Whether the loss without logits will serve: what `prepare_loss` proves by values, read from the configuration."""
    config = model.config.get_text_config()
    scaled = any(getattr(config, name, None) not in (None, 1, 1.0) for name in ("logit_scale", "logits_scaling"))
    capped = getattr(config, "final_logit_softcapping", None)
    head = model.get_output_embeddings()
    plain = type(head) is torch.nn.Linear and head.bias is None and model.base_model is not model
    return plain and not scaled and not capped


class _Fused(torch.autograd.Function):
    """What FlashAttention and FlexAttention hold: queries, keys, values, context, and one float a row and head."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        context = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, context, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return context

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        query, key, value, _, _ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def _fused(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (part.to(torch.bfloat16) for part in (query, key, value))
    return cast(torch.Tensor, _Fused.apply(query, key, value))


class _FusedBloom(bloom.BloomAttention):
    """BLOOM's attention in the form that FlexAttention gives it: no scores and no table."""

    def forward(self, hidden_states: torch.Tensor, residual: torch.Tensor, *_: Any, **__: Any) -> Any:
        query, key, value = self._reshape(self.query_key_value(hidden_states))
        merged = _fused(query, key, value).transpose(1, 2).reshape(hidden_states.shape)
        return bloom.dropout_add(self.dense(merged), residual, self.hidden_dropout, self.training), None


@contextmanager
def _fused_attention() -> Iterator[None]:
    """Put the stand-in where transformers looks for SDPA."""
    own = F.scaled_dot_product_attention
    torch.nn.functional.scaled_dot_product_attention = _fused
    try:
        yield
    finally:
        torch.nn.functional.scaled_dot_product_attention = own
