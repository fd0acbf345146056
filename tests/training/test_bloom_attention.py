"""BLOOM's exact attention against the stock one: packed, padded, cached, generating; in float32 and bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, BloomConfig, DynamicCache, GPT2Config, PreTrainedModel
from transformers.models.bloom import modeling_bloom as stock

from ecomct.training.attention import apply_exact_attention
from ecomct.training.attention.scope import Scope, find_starts

SIZES = (5, 1, 17, 9)
WORDS = 96
# The promise of docs/bloom.md: float32 logits, loss and gradients, as a share of the largest one.
PROMISED = 2e-6


def pair(heads: int = 4, **config: Any) -> tuple[Any, Any]:
    """Return a stock model and an exact one with equal weights, large enough to make attention sharp."""
    torch.manual_seed(0)
    made = BloomConfig(vocab_size=WORDS, hidden_size=heads * 8, n_layer=2, n_head=heads, initializer_range=0.2, **config)
    plain = stock.BloomForCausalLM(made).eval()
    exact = stock.BloomForCausalLM(made).eval()
    exact.load_state_dict(plain.state_dict())
    assert apply_exact_attention(exact)
    return plain, exact


def tokens(rows: int, length: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(4, WORDS, (rows, length), generator=torch.Generator().manual_seed(seed))


def padded(*kept: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask; "..xx" is a row of two tokens behind two of padding."""
    mask = torch.tensor([[int(mark == "x") for mark in row] for row in kept])
    return tokens(*mask.shape).masked_fill(mask == 0, 3), mask


def assert_near(ours: torch.Tensor, theirs: torch.Tensor, share: float = PROMISED) -> None:
    assert (ours - theirs).abs().max() <= share * theirs.abs().max()


def assert_gradients_near(ours: PreTrainedModel, theirs: PreTrainedModel) -> None:
    """Every parameter's gradient, as a share of the largest gradient of that parameter."""
    for (name, left), right in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert left.grad is not None
        assert right.grad is not None
        # The key's bias has no gradient but rounding: softmax does not see a constant added to a row.
        scale = max(float(right.grad.abs().max()), 1e-3)
        assert (left.grad - right.grad).abs().max() <= PROMISED * scale, name


def packed() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids, restarting positions and labels of one packed row."""
    ids = tokens(1, sum(SIZES))
    positions = torch.cat([torch.arange(size) for size in SIZES])[None]
    return ids, positions, ids.masked_fill(positions == 0, -100)


# 6 heads: not a power of two, where the slopes come from two series.
@pytest.mark.parametrize("heads", [4, 6])
@pytest.mark.parametrize("recompute", [False, True])
def test_logits_loss_and_gradients_equal_stock(heads: int, recompute: bool) -> None:
    plain, exact = pair(heads)
    if recompute:
        exact.train().gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    ids = tokens(2, 40)
    ours, theirs = (model(ids, labels=ids, use_cache=False) for model in (exact, plain))
    assert_near(ours.logits, theirs.logits)
    assert_near(ours.loss, theirs.loss)
    ours.loss.backward()
    theirs.loss.backward()
    assert_gradients_near(exact, plain)


def test_right_padding_equals_stock_in_loss_and_gradients() -> None:
    plain, exact = pair()
    ids, mask = padded("xxxxxxxxxx", "xxxxxx....", "x.........")
    labels = ids.masked_fill(mask == 0, -100)
    ours, theirs = (
        model(ids, attention_mask=mask, labels=labels, num_items_in_batch=7, use_cache=False) for model in (exact, plain)
    )
    assert_near(ours.loss, theirs.loss)
    ours.loss.backward()
    theirs.loss.backward()
    assert_gradients_near(exact, plain)


# Left, right, both, none, and a gap, behind which stock counts on as if it were not there.
@pytest.mark.parametrize("rows", [("...xxxxxxx", "xxxxxxxxxx"), ("xxxx......", "..xxxx...."), ("xxx..xxxxx", ".xx.xxx...")])
def test_padding_equals_stock_and_each_row_alone(rows: tuple[str, ...]) -> None:
    plain, exact = pair()
    ids, mask = padded(*rows)
    ours, theirs = (model(ids, attention_mask=mask).logits for model in (exact, plain))
    assert ours.isfinite().all(), "padding reads itself"
    assert_near(ours[mask == 1], theirs[mask == 1])
    for row, kept, logits in zip(ids, mask, ours, strict=True):
        assert_near(logits[kept == 1], plain(row[kept == 1][None]).logits[0])


def test_packed_equals_one_by_one_in_logits_loss_and_gradients() -> None:
    plain, exact = pair()
    ids, positions, labels = packed()
    output = exact(input_ids=ids, position_ids=positions, labels=labels, use_cache=False)
    output.loss.backward()
    alone = [plain(input_ids=part) for part in ids.split(SIZES, dim=1)]
    assert_near(output.logits, torch.cat([one.logits for one in alone], dim=1))

    sums = [
        torch.nn.functional.cross_entropy(one.logits[0, :-1], part[0, 1:], reduction="sum")
        for one, part in zip(alone, ids.split(SIZES, dim=1), strict=True)
    ]
    loss = torch.stack(sums).sum() / (ids.shape[1] - len(SIZES))
    loss.backward()
    assert_near(output.loss, loss)
    assert_gradients_near(exact, plain)


def test_a_packed_row_may_be_padded_at_both_ends_and_between_segments() -> None:
    plain, exact = pair()
    ids, mask = padded("..xxxxx.xxx..x..")
    positions = torch.tensor([[0, 0, 0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0]])
    logits = exact(ids, attention_mask=mask, position_ids=positions, use_cache=False).logits
    for start, end in ((2, 5), (5, 7), (8, 11), (13, 14)):
        assert_near(logits[:, start:end], plain(ids[:, start:end]).logits)


def test_rows_of_a_batch_are_cut_where_each_one_restarts() -> None:
    _, exact = pair()
    ids, positions, _ = packed()
    whole = torch.arange(ids.shape[1])[None]
    both = exact(input_ids=ids.repeat(2, 1), position_ids=torch.cat([positions, whole]), use_cache=False).logits
    assert_near(both[:1], exact(input_ids=ids, position_ids=positions, use_cache=False).logits)
    assert_near(both[1:], exact(input_ids=ids, position_ids=whole, use_cache=False).logits)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_kernel_reads_what_the_definition_says(data: st.DataObject) -> None:
    """Runs, dense bias and FlexAttention's mask against loops over pairs of tokens."""
    length = data.draw(st.integers(1, 14))
    kept = data.draw(st.lists(st.booleans(), min_size=length, max_size=length))
    begin = data.draw(st.lists(st.booleans(), min_size=length, max_size=length))
    positions: list[int] = []
    segments: list[int] = []
    for place in range(length):
        if place == 0 or (begin[place] and kept[place]):
            positions.append(0)
        else:
            positions.append(positions[-1] + (1 if kept[place] else 0))
        started = begin[place] and kept[place] and any(kept[:place])
        segments.append((segments[-1] if segments else 0) + int(started))
    mask = torch.tensor([kept])
    given_mask = None if all(kept) else mask
    # A row that opens with padding counts its first token 0 or 1; find_starts must not care.
    starts = find_starts(torch.tensor([positions]), given_mask)
    assert (starts.cumsum(dim=1)[mask] == torch.tensor([segments])[mask]).all()

    slopes = torch.tensor([0.5, 0.25])
    scope = Scope(slopes, length, 0, length, given_mask, starts)
    expected = torch.full((2, length, length), float("-inf"))
    for query in range(length):
        for key in range(query + 1):
            between = sum(kept[key + 1 : query + 1])
            if key == query or (kept[key] and kept[query] and segments[key] == segments[query]):
                expected[:, query, key] = -slopes * (between if key != query else 0)
    counts = mask[0]
    assert torch.equal(scope.bias(torch.float32)[0][:, counts], expected[:, counts])
    score_mod, block = scope.flex
    places = torch.arange(length)
    pairs = (torch.tensor(0), torch.tensor(1), places[:, None], places[None, :])
    flex = score_mod(torch.zeros(length, length), *pairs).masked_fill(~block.mask_mod(*pairs), float("-inf"))
    assert torch.equal(flex[counts], expected[1, counts])
    if scope.spans is not None:
        runs = torch.full_like(expected, float("-inf"))
        for start, end in scope.spans[0]:
            runs[:, start:end, start:end] = scope.own_table[0, :, : end - start, : end - start]
        assert torch.equal(runs[:, counts], expected[:, counts])


@pytest.fixture
def eager_compiler() -> Iterator[None]:
    """FlexAttention as it is written: compiling it takes a C++ compiler and half a minute."""
    with torch.compiler.set_stance("force_eager"):
        yield


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.usefixtures("eager_compiler")
@pytest.mark.parametrize("given_by", ["nothing", "segments", "mask", "gaps"])
def test_flex_attention_gives_the_same_logits(given_by: str) -> None:
    _, exact = pair()
    apply_exact_attention(exact, "flex")
    ids, inputs = tokens(2, 150), {}
    kept = torch.ones_like(ids) == 1
    if given_by == "segments":
        inputs = {"position_ids": torch.cat([torch.arange(size) for size in (60, 1, 89)])[None]}
    elif given_by in ("mask", "gaps"):
        mask = torch.ones_like(ids)
        mask[1, :20] = 0
        mask[0, 40:70] = int(given_by == "mask")
        inputs, kept = {"attention_mask": mask}, mask == 1
    with torch.no_grad():
        flex = exact(ids, use_cache=False, **inputs).logits
        apply_exact_attention(exact, "sdpa")
        sdpa = exact(ids, use_cache=False, **inputs).logits
    assert not torch.equal(flex, sdpa), "both kernels ran"
    assert_near(flex[kept], sdpa[kept])


def test_flex_attention_with_dropout_is_refused() -> None:
    plain, _ = pair(attention_dropout=0.1)
    with pytest.raises(ValueError, match="no dropout"):
        apply_exact_attention(plain, "flex")


def test_bfloat16_at_length_stays_with_float32_where_stock_does_not() -> None:
    plain, exact = pair(heads=8)
    ids = tokens(1, 1024)
    with torch.no_grad():
        truth = plain(ids).logits[:, 512:]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            ours = exact(ids, use_cache=False).logits[:, 512:]
            theirs = plain(ids).logits[:, 512:]
        cast = exact.bfloat16()(ids, use_cache=False).logits[:, 512:]
    error, cast_error, stock_error = ((logits.float() - truth).norm() / truth.norm() for logits in (ours, cast, theirs))
    assert error < 0.05
    assert cast_error < 0.05
    assert stock_error > 4 * error


def test_a_bias_rounded_to_bfloat16_costs_no_more_than_the_values() -> None:
    """What SDPA on CUDA takes: relative bias, formed in float32, rounded last; scores in float32."""
    torch.manual_seed(0)
    slopes, length = 2.0 ** -torch.arange(1, 9), 512
    query, key, value = (torch.randn(1, 8, length, 16).bfloat16() for _ in range(3))
    scope = Scope(slopes, length, 0, length, None, None)

    def context(bias: torch.Tensor) -> torch.Tensor:
        return ((query.double() @ key.double().transpose(-1, -2)) / 4 + bias.double()).softmax(-1) @ value.double()

    truth = context(scope.bias(torch.float64))
    assert (context(scope.bias(torch.bfloat16)) - truth).norm() < 2**-8 * truth.norm()


@pytest.mark.parametrize("rows", [("xxxxxxxxx", "xxxxxxxxx"), ("...xxxxxx", "xxxxxxxxx"), ("..xx.xxxx", "xxxxxxxxx")])
@pytest.mark.parametrize("chunks", [(8, 1), (4, 5), (1, 2, 3, 3)])
def test_chunks_behind_a_cache_equal_the_whole(rows: tuple[str, ...], chunks: tuple[int, ...]) -> None:
    plain, exact = pair()
    ids, mask = padded(*rows)
    whole = plain(ids, attention_mask=mask).logits
    cache, end, parts = DynamicCache(config=exact.config), 0, []
    for size in chunks:
        start, end = end, end + size
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, start:end]
        output = exact(ids[:, start:end], attention_mask=mask[:, :end], past_key_values=cache, position_ids=positions)
        parts.append(output.logits)
    assert_near(torch.cat(parts, dim=1)[mask == 1], whole[mask == 1])


@pytest.mark.parametrize("how", ["greedy", "beams", "chunked prefill", "static cache", "no cache"])
def test_generation_equals_stock(how: str) -> None:
    plain, exact = pair()
    ids, mask = padded("xxxxxxx", "...xxxx", "......x")
    ways: dict[str, dict[str, Any]] = {
        "beams": {"num_beams": 3},
        "chunked prefill": {"prefill_chunk_size": 3},
        "static cache": {"cache_implementation": "static"},
        "no cache": {"use_cache": False},
    }
    ours, theirs = (
        model.generate(ids, attention_mask=mask, max_new_tokens=12, do_sample=False, pad_token_id=3, **ways.get(how, {}))
        for model in (exact, plain)
    )
    assert ours.tolist() == theirs.tolist()


def test_bfloat16_generates_what_a_pass_without_cache_says() -> None:
    """A token at a time behind a cache, against the whole row at once: one function in low precision too."""
    exact = pair()[1].bfloat16()
    ids = tokens(1, 200)
    with torch.no_grad():
        whole = exact(ids, use_cache=False).logits[:, -1].float()
        cache = exact(ids[:, :-1], use_cache=True).past_key_values
        last = exact(ids[:, -1:], past_key_values=cache).logits[:, -1].float()
    assert (last - whole).norm() < 0.02 * whole.norm()


@pytest.mark.parametrize("shape", ["plain", "padded", "cached"])
def test_attentions_and_hidden_states_equal_stock(shape: str) -> None:
    plain, exact = pair()
    ids, mask = padded("xxxxxxxx", "..xxxxxx" if shape == "padded" else "xxxxxxxx")
    found = []
    for model in (exact, plain):
        cache = model(ids[:, :3], use_cache=True).past_key_values if shape == "cached" else None
        rest = ids[:, 3:] if shape == "cached" else ids
        shown: dict[str, Any] = {"output_attentions": True, "output_hidden_states": True, "past_key_values": cache}
        found.append(model(rest, attention_mask=mask, **shown))
    ours, theirs = found
    kept = mask[:, -ours.logits.shape[1] :] == 1
    assert len(ours.hidden_states) == len(theirs.hidden_states) == 3
    for left, right in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        assert_near(left[kept], right[kept])
    for left, right in zip(ours.attentions, theirs.attentions, strict=True):
        assert_near(left.transpose(1, 2)[kept], right.transpose(1, 2)[kept])


def test_outputs_as_a_tuple_are_in_stock_order() -> None:
    plain, exact = pair()
    shown: dict[str, Any] = {"output_attentions": True, "output_hidden_states": True, "return_dict": False}
    ours, theirs = (model(tokens(1, 8), labels=tokens(1, 8), use_cache=False, **shown) for model in (exact, plain))
    assert len(ours) == len(theirs) == 4
    assert_near(ours[0], theirs[0])
    assert_near(ours[1], theirs[1])
    assert [[part.shape for part in group] for group in ours[2:]] == [[part.shape for part in group] for group in theirs[2:]]


def test_attentions_of_a_packed_row_stay_inside_segments() -> None:
    _, exact = pair()
    ids, positions, _ = packed()
    output = exact(ids, position_ids=positions, use_cache=False, output_attentions=True)
    assert_near(output.logits, exact(ids, position_ids=positions, use_cache=False).logits)
    segment = (positions[0] == 0).cumsum(dim=0)
    other = segment[:, None] != segment[None, :]
    for weights in output.attentions:
        assert (weights[0][:, other] == 0).all()


def test_what_could_leak_is_refused() -> None:
    _, exact = pair()
    ids, positions, _ = packed()
    with pytest.raises(ValueError, match="take no cache"):
        exact(ids, position_ids=positions, use_cache=True)
    with pytest.raises(ValueError, match="take no cache"):
        exact.generate(ids, position_ids=positions, max_new_tokens=2, pad_token_id=3)
    cache = exact(ids[:, :9], use_cache=True).past_key_values
    for wrong in (torch.arange(4)[None], torch.tensor([[9, 10, 0, 1]])):
        with pytest.raises(ValueError, match="restart behind a cache"):
            exact(ids[:, 9:13], position_ids=wrong, past_key_values=cache)
    right, mask = padded("xxxx..")
    with pytest.raises(ValueError, match="padding on the left"):
        exact.generate(right, attention_mask=mask, max_new_tokens=2, pad_token_id=3)
    with pytest.raises(ValueError, match="attention_mask"):
        exact(ids, attention_mask=torch.ones(1, 1, ids.shape[1], ids.shape[1]))
    with pytest.raises(ValueError, match="attention_mask"):
        exact(ids, attention_mask=torch.ones(1, 5))
    with pytest.raises(ValueError, match="position_ids"):
        exact(ids, cu_seq_lens_q=torch.tensor([0, 5, 32]))


def test_only_this_object_changes_and_the_saved_form_stays(tmp_path: Path) -> None:
    plain, exact = pair()
    assert type(plain.transformer.h[0].self_attention) is stock.BloomAttention
    plain.save_pretrained(tmp_path / "plain")
    exact.save_pretrained(tmp_path / "exact")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "exact" / name).read_bytes()
    assert type(AutoModelForCausalLM.from_pretrained(tmp_path / "exact")) is stock.BloomForCausalLM


def test_other_models_are_left_alone_and_twice_is_once() -> None:
    _, exact = pair()
    assert apply_exact_attention(exact, "sdpa"), "a second call may choose another kernel"
    other = AutoModelForCausalLM.from_config(GPT2Config(vocab_size=8, n_embd=8, n_layer=1, n_head=1, n_positions=8))
    before = type(other)
    assert not apply_exact_attention(other)
    assert type(other) is before
