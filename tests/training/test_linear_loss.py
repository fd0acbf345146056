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
from ecomct.training.liger import check_losses, liger_losses
from ecomct.training.loss import linear_cross_entropy, prepare_loss
from ecomct.training.model import load_model


@pytest.fixture
def make_model(make_recipe: Callable[..., Recipe], tokenizer_folder: Path) -> Callable[..., PreTrainedModel]:
    def build(model: str | dict[str, object]) -> PreTrainedModel:
        return load_model(make_recipe(model), AutoTokenizer.from_pretrained(tokenizer_folder))

    return build


def stock_losses(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and cross-entropy, in the type of the inputs or of autocast."""
    logits = F.linear(hidden, weight)
    nll = F.cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), targets, reduction="none")
    return nll.sum(), nll


# One row a chunk, ten with a rest of seven, and all in one.
@pytest.mark.parametrize("chunk", [700, 700 * 10, 700 * 37])
def test_equals_cross_entropy_of_the_logits(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(37, 16), torch.randn(700, 16), torch.randint(700, (37,))
    results = []
    for function in (linear_cross_entropy, stock_losses):
        h, w = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        loss, nll = function(h, w, targets)
        (loss / 5).backward()
        results.append((loss.detach(), nll.detach(), h.grad, w.grad))
    for ours, theirs in zip(*results, strict=True):
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_bfloat16_gradients_are_as_near_to_the_truth_as_stock_ones() -> None:
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(256, 32), torch.randn(500, 32) * 0.3, torch.randint(500, (256,))

    def gradient(function: Callable[..., tuple[torch.Tensor, torch.Tensor]], dtype: torch.dtype) -> torch.Tensor:
        w = weight.clone().to(dtype if dtype == torch.float64 else torch.float32).requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            function(hidden.to(w.dtype), w, targets)[0].backward()
        assert w.grad is not None
        return w.grad.double()

    truth = gradient(stock_losses, torch.float64)
    ours = (gradient(linear_cross_entropy, torch.bfloat16) - truth).norm()
    assert ours <= (gradient(stock_losses, torch.bfloat16) - truth).norm()


def test_a_second_backward_pass_is_refused() -> None:
    hidden = torch.randn(3, 4, requires_grad=True)
    loss, nll = linear_cross_entropy(hidden, torch.randn(9, 4), torch.tensor([1, 2, 3]))
    assert not nll.requires_grad
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


LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_accumulated_gradients_equal_stock_ones(
    tied: bool, autocast: bool, recompute: bool, make_model: Callable[..., PreTrainedModel]
) -> None:
    """Two micro-batches with ignored labels, one mean: all gradients against logits and float64.

    In float32 both are within 2e-6 of each other; under autocast ours is as near to the truth as stock.
    """
    kinds = {"stock": False, "ours": True, "truth": False}
    models = {name: make_model({"config": {**LLAMA, "tie_word_embeddings": tied}}).train() for name in kinds}
    models["truth"].double()
    assert prepare_loss(models["ours"]) == "chunked"
    generator = torch.Generator().manual_seed(2)
    ids = torch.randint(2, 300, (4, 20), generator=generator)
    labels = torch.where(torch.rand(4, 20, generator=generator) < 0.3, -100, ids)
    count = int((labels[:, 1:] != -100).sum())
    losses = dict.fromkeys(kinds, 0.0)
    for name, model in models.items():
        if recompute:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        for part in (slice(0, 1), slice(1, 4)):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast and name != "truth"):
                output = model(input_ids=ids[part], labels=labels[part], num_items_in_batch=count)
            output.loss.backward()
            losses[name] += float(output.loss.detach())
            if name == "ours":
                torch.testing.assert_close(output.nll.sum() / count, output.loss.detach(), rtol=1e-6, atol=0)
    gradients = {
        name: {key: parameter.grad.double() for key, parameter in model.named_parameters() if parameter.grad is not None}
        for name, model in models.items()
    }
    largest = max(float(gradient.abs().max()) for gradient in gradients["truth"].values())
    off = {"stock": 0.0, "ours": 0.0}
    for name in off:
        assert gradients[name].keys() == gradients["truth"].keys()
        square = sum(float((gradients[name][key] - truth).square().sum()) for key, truth in gradients["truth"].items())
        off[name] = square**0.5
    if autocast:
        assert abs(losses["ours"] - losses["truth"]) <= 2e-3 * losses["truth"]
        assert off["ours"] <= 1.1 * off["stock"]
    else:
        assert abs(losses["ours"] - losses["stock"]) <= 2e-6 * losses["stock"]
        for key, stock in gradients["stock"].items():
            assert float((gradients["ours"][key] - stock).abs().max()) <= 2e-6 * max(1.0, largest), key


def test_the_loss_of_every_token_is_that_of_its_logits(make_model: Callable[..., PreTrainedModel]) -> None:
    ids = torch.randint(2, 300, (2, 20), generator=torch.Generator().manual_seed(1))
    labels = ids.clone()
    labels[1, 3:9] = -100
    for kind in ("bloom", "gemma2"):
        model = make_model(kind)
        logits = model(input_ids=ids).logits.double()
        expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="none")[labels[:, 1:] != -100]
        prepare_loss(model)
        nll = model(input_ids=ids, labels=labels).nll
        assert nll.dtype == torch.float32
        torch.testing.assert_close(nll.double(), expected.detach(), rtol=1e-5, atol=1e-5)


def test_a_kernel_that_cannot_serve_is_refused(make_model: Callable[..., PreTrainedModel]) -> None:
    assert prepare_loss(make_model("bloom"), "chunked") == "chunked"
    with pytest.raises(InputError, match="loss_kernel: chunked needs a plain linear output layer, and gemma2"):
        prepare_loss(make_model("gemma2"), "chunked")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="loss_kernel: liger runs on CUDA only"):
            prepare_loss(make_model("bloom"), "liger")


def test_another_kernel_is_compared_with_exact_losses_before_it_is_used() -> None:
    cpu = torch.device("cpu")
    check_losses(linear_cross_entropy, cpu)

    def wrong(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Right losses; gradients that ignore what comes from above."""
        total, nll = linear_cross_entropy(hidden, weight, targets)
        return total + 6 * (total - total.detach()), nll

    with pytest.raises(InputError, match="liger's hidden state's gradient is off"):
        check_losses(wrong, cpu)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="Liger's kernel is Triton's and needs CUDA")
def test_ligers_kernel_is_exact() -> None:
    pytest.importorskip("liger_kernel")
    liger_losses()


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
