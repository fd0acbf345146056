"""The chunked loss against the stock one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, PreTrainedModel

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training import loss as module
from ecomct.training.loss import linear_cross_entropy, prepare_loss
from ecomct.training.model import load_model


@pytest.fixture
def make_model(make_recipe: Callable[..., Recipe], tokenizer_folder: Path) -> Callable[..., PreTrainedModel]:
    def build(model: str | dict[str, object]) -> PreTrainedModel:
        return load_model(make_recipe(model), AutoTokenizer.from_pretrained(tokenizer_folder))

    return build


# One row a chunk, ten with a rest of seven, and all in one.
@pytest.mark.parametrize("chunk", [700, 700 * 10, 700 * 37])
def test_equals_cross_entropy_of_the_logits(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(37, 16), torch.randn(700, 16), torch.randint(700, (37,))
    results = []
    for function in (
        linear_cross_entropy,
        lambda h, w, t: F.cross_entropy(h @ w.T, t, reduction="sum"),
    ):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        loss = function(h, w, targets)
        (loss / 5).backward()
        results.append((loss.detach(), h.grad, w.grad))
    for ours, theirs in zip(*results, strict=True):
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_bfloat16_gradients_are_as_near_to_the_truth_as_stock_ones() -> None:
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(256, 32), torch.randn(500, 32) * 0.3, torch.randint(500, (256,))

    def gradient(function: Callable[..., torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        w = weight.clone().to(dtype if dtype == torch.float64 else torch.float32).requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            function(hidden.to(w.dtype), w, targets).backward()
        assert w.grad is not None
        return w.grad.double()

    def stock(h: torch.Tensor, w: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        logits = F.linear(h, w)
        return F.cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), t, reduction="sum")

    truth = gradient(stock, torch.float64)
    ours = (gradient(linear_cross_entropy, torch.bfloat16) - truth).norm()
    assert ours <= (gradient(stock, torch.bfloat16) - truth).norm()


def test_a_second_backward_pass_is_refused() -> None:
    hidden = torch.randn(3, 4, requires_grad=True)
    loss = linear_cross_entropy(hidden, torch.randn(9, 4), torch.tensor([1, 2, 3]))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("bloom", "chunked"), ("llama", "chunked"), ("qwen3", "chunked"), ("gpt2", "chunked"), ("gemma2", "whole")],
)
def test_a_model_trains_on_its_own_loss(kind: str, mode: str, make_model: Callable[..., PreTrainedModel]) -> None:
    stock, ours = make_model(kind), make_model(kind)
    assert prepare_loss(ours) == mode
    ids = torch.randint(2, 300, (2, 20), generator=torch.Generator().manual_seed(1))
    labels = ids.clone()
    labels[0, 8:] = -100
    losses = []
    for model in (stock, ours):
        loss = model(input_ids=ids, labels=labels, num_items_in_batch=torch.tensor(31)).loss
        loss.backward()
        losses.append(loss.detach())
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-5, atol=0)
    for (name, left), right in zip(stock.named_parameters(), ours.parameters(), strict=True):
        assert left.grad is not None, name
        torch.testing.assert_close(right.grad, left.grad, rtol=1e-5, atol=1e-6, msg=name)
    assert ours(input_ids=ids).logits is not None
    torch.testing.assert_close(
        ours(input_ids=ids, labels=labels).loss, stock(input_ids=ids, labels=labels).loss, rtol=1e-5, atol=0
    )


def test_a_loss_with_other_terms_is_refused(make_model: Callable[..., PreTrainedModel]) -> None:
    settings = {
        "model_type": "mixtral",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 16,
        "num_local_experts": 4,
    }
    prepare_loss(make_model({"config": settings}))
    with pytest.raises(InputError, match="output_router_logits"):
        prepare_loss(make_model({"config": {**settings, "output_router_logits": True}}))
