"""BLOOM's exact attention against the stock one, alone and packed, in float32 and bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig
from transformers.models.bloom import modeling_bloom as stock

from ecomct.training.attention import apply_exact_attention

SIZES = (5, 1, 17, 9)


def pair(heads: int = 4) -> tuple[stock.BloomForCausalLM, stock.BloomForCausalLM]:
    """Return a stock model and an exact one with equal weights, large enough to make attention sharp."""
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=96, hidden_size=heads * 8, n_layer=2, n_head=heads, initializer_range=0.2)
    plain = stock.BloomForCausalLM(config).eval()
    exact = stock.BloomForCausalLM(config).eval()
    exact.load_state_dict(plain.state_dict())
    assert apply_exact_attention(exact)
    return plain, exact


def packed() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids, restarting positions and labels of one packed row."""
    ids = torch.randint(96, (1, sum(SIZES)), generator=torch.Generator().manual_seed(1))
    positions = torch.cat([torch.arange(size) for size in SIZES])[None]
    return ids, positions, ids.masked_fill(positions == 0, -100)


# 6 heads: not a power of two, where the slopes come from two series.
@pytest.mark.parametrize("heads", [4, 6])
def test_single_segment_equals_stock(heads: int) -> None:
    plain, exact = pair(heads)
    ids = torch.randint(96, (2, 40), generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(exact(ids, use_cache=False).logits, plain(ids).logits, rtol=0, atol=2e-5)


def test_packed_equals_one_by_one_in_logits_loss_and_gradients() -> None:
    plain, exact = pair()
    ids, positions, labels = packed()
    output = exact(input_ids=ids, position_ids=positions, labels=labels, use_cache=False)
    output.loss.backward()
    alone = [plain(input_ids=part) for part in ids.split(SIZES, dim=1)]
    torch.testing.assert_close(output.logits, torch.cat([one.logits for one in alone], dim=1), rtol=0, atol=2e-5)

    sums = [
        torch.nn.functional.cross_entropy(one.logits[0, :-1], part[0, 1:], reduction="sum")
        for one, part in zip(alone, ids.split(SIZES, dim=1), strict=True)
    ]
    loss = torch.stack(sums).sum() / (ids.shape[1] - len(SIZES))
    loss.backward()
    torch.testing.assert_close(output.loss, loss, rtol=1e-5, atol=0)
    for (name, ours), theirs in zip(exact.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert (ours.grad - theirs.grad).abs().max() <= 1e-5 * max(1.0, float(theirs.grad.abs().max())), name


def test_rows_of_a_batch_are_cut_where_each_one_restarts() -> None:
    _, exact = pair()
    ids, positions, _ = packed()
    whole = torch.arange(ids.shape[1])[None]
    both = exact(input_ids=ids.repeat(2, 1), position_ids=torch.cat([positions, whole]), use_cache=False).logits
    torch.testing.assert_close(both[:1], exact(input_ids=ids, position_ids=positions, use_cache=False).logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(both[1:], exact(input_ids=ids, position_ids=whole, use_cache=False).logits, rtol=0, atol=1e-5)


def test_bfloat16_at_length_stays_with_float32_where_stock_does_not() -> None:
    plain, exact = pair(heads=8)
    ids = torch.randint(96, (1, 1024), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        truth = plain(ids).logits[:, 512:]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            ours = exact(ids, use_cache=False).logits[:, 512:]
            theirs = plain(ids).logits[:, 512:]
    error, stock_error = ((logits.float() - truth).norm() / truth.norm() for logits in (ours, theirs))
    assert error < 0.05
    assert stock_error > 4 * error


def test_packed_inputs_never_reach_stock_attention() -> None:
    _, exact = pair()
    ids, positions, _ = packed()
    mask = torch.ones_like(ids)
    mask[0, 0] = 0
    for settings in ({"use_cache": True}, {"attention_mask": mask}, {"output_attentions": True}, {"output_hidden_states": True}):
        with pytest.raises(ValueError, match="across segments"):
            exact(input_ids=ids, position_ids=positions, **settings)


def test_generation_and_padding_masks_are_stock() -> None:
    plain, exact = pair()
    ids = torch.randint(3, 96, (2, 7), generator=torch.Generator().manual_seed(4))
    mask = torch.ones_like(ids)
    mask[1, :3] = 0
    settings: dict[str, Any] = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 3}
    generators: tuple[Any, Any] = (exact, plain)
    ours, theirs = (model.generate(ids, attention_mask=mask, **settings) for model in generators)
    assert ours.tolist() == theirs.tolist()
    assert torch.equal(exact(ids, attention_mask=mask).logits, plain(ids, attention_mask=mask).logits)


def test_only_this_object_changes_and_the_saved_form_stays(tmp_path: Path) -> None:
    plain, exact = pair()
    assert type(plain.transformer.h[0].self_attention) is stock.BloomAttention
    plain.save_pretrained(tmp_path / "plain")
    exact.save_pretrained(tmp_path / "exact")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "exact" / name).read_bytes()
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path / "exact")) is stock.BloomForCausalLM


def test_other_models_are_left_alone() -> None:
    model = AutoModelForCausalLM.from_config(BloomConfig(vocab_size=8, hidden_size=8, n_layer=1, n_head=1))
    assert apply_exact_attention(model)
    assert apply_exact_attention(model), "twice is the same as once"
