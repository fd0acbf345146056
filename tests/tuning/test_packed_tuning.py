"""Packed tuning is tuning one by one: losses, gradients, and a plain loop as the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from ecomct.errors import InputError
from ecomct.training.batches import COLLATORS, Sequences, packed_batch, unrolled_batch
from ecomct.training.loss import IGNORED, prepare_loss
from ecomct.training.packing import prepare_packing
from ecomct.tuning.encode import Encoded
from ecomct.tuning.pack import pack_epochs, write_sequences

EOS, WORDS, LENGTH = 1, 97, 48
CONFIGS: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": LENGTH, "bos_token_id": 1, "eos_token_id": 1},
}


def some_examples(count: int, seed: int = 0) -> list[Encoded]:
    """Random examples of one or two answers; the last token of each answer is EOS."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        sizes = generator.integers(1, 9, 2 * int(generator.integers(1, 3)))
        ends = np.cumsum(sizes)
        ids = generator.integers(2, WORDS, ends[-1])
        ids[ends[1::2] - 1] = EOS
        found.append(Encoded(ids.tolist(), ends.tolist(), 0))
    return found


def write(folder: Path, examples: list[Encoded], epochs: int = 1) -> Path:
    identities = np.arange(len(examples), dtype=np.uint64)
    packed = pack_epochs([len(one.ids) for one in examples], identities, LENGTH, epochs, 17)
    write_sequences(folder, packed, examples, identities, LENGTH, EOS)
    return folder


def model_of(kind: str) -> PreTrainedModel:
    torch.manual_seed(3)
    config = AutoConfig.for_model(kind, vocab_size=WORDS, **CONFIGS[kind])
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    # Weights far from zero, so that a leak would show.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.15)
    return model.eval()


def gradients(model: PreTrainedModel) -> torch.Tensor:
    found = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    return torch.cat([one.flatten() for one in found])


def one_by_one(model: PreTrainedModel, examples: list[Encoded]) -> tuple[float, torch.Tensor]:
    """A plain loop over examples, alone and unpadded, on stock logits: mean cross-entropy of the answers' tokens."""
    total, count = torch.zeros(()), 0
    for one in examples:
        logits = model(input_ids=torch.tensor([one.ids]), use_cache=False).logits[0]
        for start, end in zip(one.ends[::2], one.ends[1::2], strict=True):
            for position in range(start, end):
                total = total - logits[position - 1].log_softmax(-1)[one.ids[position]]
                count += 1
    (total / count).backward()
    return float(total / count), gradients(model)


def right_padded(examples: list[Encoded]) -> dict[str, torch.Tensor]:
    """The examples as a padded batch under an attention mask, the way most trainers do it."""
    shape = (len(examples), max(len(one.ids) for one in examples))
    ids, mask, labels = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long), torch.full(shape, IGNORED)
    for row, one in enumerate(examples):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        mask[row, : len(one.ids)] = 1
        for start, end in zip(one.ends[::2], one.ends[1::2], strict=True):
            labels[row, start:end] = torch.tensor(one.ids[start:end])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_packed_equals_padded_and_a_plain_loop(kind: str, tmp_path: Path) -> None:
    """Loss to 2e-6 and gradients to 2e-6 of the largest, in float32."""
    examples = some_examples(14)
    rows = Sequences(write(tmp_path / "data", examples))
    assert len(rows) < len(examples)  # really packed
    loss, wanted = one_by_one(model_of(kind), examples)

    ours = model_of(kind)
    packing = prepare_packing(ours)
    prepare_loss(ours)
    batch = COLLATORS[packing]([rows[index] for index in range(len(rows))])
    assert int((batch["labels"] != IGNORED).sum()) == sum(one.trained for one in examples)
    for name, given_batch in (("packed", batch), ("padded", right_padded(examples))):
        found = ours(**given_batch).loss
        found.backward()
        assert float(found) == pytest.approx(loss, abs=2e-6), name
        assert float((gradients(ours) - wanted).abs().max()) <= 2e-6 * max(1.0, float(wanted.abs().max())), name


def test_prompts_bring_no_loss_and_no_trained_token_is_missed(tmp_path: Path) -> None:
    examples = some_examples(9, seed=1)
    table = datasets.load_from_disk(write(tmp_path / "data", examples)).with_format("numpy")
    for row in table:
        packed = packed_batch([row])["labels"][0].tolist()
        wanted = [IGNORED] * LENGTH
        start = 0
        for example, end in zip(row["examples"], row["segments"], strict=True):
            one = examples[int(example)]
            assert row["input_ids"][start:end].tolist() == one.ids
            for low, high in zip(one.ends[::2], one.ends[1::2], strict=True):
                wanted[start + low : start + high] = one.ids[low:high]
            start = int(end)
        assert packed == wanted
        unrolled = unrolled_batch([row])["labels"]
        assert sorted(unrolled[unrolled != IGNORED].tolist()) == sorted(token for token in wanted if token != IGNORED)


def test_without_the_column_everything_is_trained() -> None:
    row = {"input_ids": np.arange(10), "length": 8, "segments": np.array([3, 8])}
    assert packed_batch([row])["labels"][0].tolist() == [IGNORED, 1, 2, IGNORED, 4, 5, 6, 7, IGNORED, IGNORED]
    row["trained"] = np.array([1, 3, 3, 8])
    assert packed_batch([row])["labels"][0].tolist() == [IGNORED, 1, 2, IGNORED, 4, 5, 6, 7, IGNORED, IGNORED]
    row["trained"] = np.array([2, 3, 7, 8])
    assert packed_batch([row])["labels"][0].tolist() == [IGNORED, IGNORED, 2, *[IGNORED] * 4, 7, IGNORED, IGNORED]


@pytest.mark.parametrize("ends", [[3], [5, 4], [1, 9], [-1, 4]])
def test_ends_that_are_no_stretches_are_refused(ends: list[int]) -> None:
    row = {"input_ids": np.arange(10), "length": 8, "segments": np.array([8]), "trained": np.array(ends)}
    with pytest.raises(InputError, match="trained ends"):
        packed_batch([row])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 3), st.integers(0, 5))
def test_every_example_is_in_every_epoch_once(lengths: list[int], epochs: int, seed: int) -> None:
    packed = pack_epochs(lengths, np.arange(len(lengths), dtype=np.uint64), 40, epochs, seed)
    sequences = [one.tolist() for one in packed]
    assert all(sum(lengths[member] for member in one) <= 40 for one in sequences)
    assert sorted(packed.members.tolist()) == sorted(list(range(len(lengths))) * epochs)
    per_epoch = len(sequences) // epochs
    for epoch in range(epochs):
        part = sequences[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(member for one in part for member in one) == list(range(len(lengths)))
    assert packed.seen(len(packed)) == set(range(len(lengths)))
