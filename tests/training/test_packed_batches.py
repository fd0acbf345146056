"""Packed or unrolled: the probe chooses right, and both ways make the same predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedModel
from transformers.models.bloom import modeling_bloom

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training import packing
from ecomct.training.batches import COLLATORS, Sequences, packed_batch, unrolled_batch
from ecomct.training.loss import prepare_loss
from ecomct.training.model import load_model
from ecomct.training.packing import prepare_packing


@pytest.fixture
def make_model(make_recipe: Callable[..., Recipe], tokenizer_folder: Path) -> Callable[..., PreTrainedModel]:
    def build(model: str | dict[str, object]) -> PreTrainedModel:
        return load_model(make_recipe(model), AutoTokenizer.from_pretrained(tokenizer_folder))

    return build


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("bloom", "packed"),
        ("llama", "packed"),
        ("qwen3", "packed"),
        ("gpt2", "packed"),
        ("opt", "unrolled"),
        ("mamba", "unrolled"),
    ],
)
def test_the_chosen_way_trains_every_segment_as_if_alone(
    kind: str, mode: str, make_model: Callable[..., PreTrainedModel], sequences_folder: Path
) -> None:
    alone, ours = make_model(kind), make_model(kind)
    assert prepare_packing(ours) == mode
    prepare_loss(ours)
    data = Sequences(sequences_folder)
    rows = [data[index] for index in range(2)]
    ours(**COLLATORS[mode](rows)).loss.backward()

    count = 0
    for row in rows:
        start = 0
        for end in row["segments"]:
            ids = torch.from_numpy(row["input_ids"][start:end]).long()[None]
            start, count = int(end), count + int(end) - start - 1
            logits = alone(input_ids=ids, use_cache=False).logits
            torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum").backward()
    for (name, left), right in zip(alone.named_parameters(), ours.parameters(), strict=True):
        if left.grad is not None:
            torch.testing.assert_close(right.grad, left.grad / count, rtol=1e-4, atol=1e-6, msg=name)


def test_stock_bloom_is_found_out(make_model: Callable[..., PreTrainedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "apply_exact_attention", lambda model, kernel: False)
    model = make_model("bloom")
    assert type(model) is modeling_bloom.BloomForCausalLM
    assert prepare_packing(model) == "unrolled"


def test_a_leak_too_small_for_the_logits_is_found(
    make_model: Callable[..., PreTrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "apply_exact_attention", lambda model, kernel: False)
    model = make_model("bloom")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "self_attention.dense" in name:
                parameter.mul_(1e-6)
    assert prepare_packing(model) == "unrolled"


def test_a_model_that_reads_ahead_is_refused(make_model: Callable[..., PreTrainedModel]) -> None:
    settings = {
        "model_type": "bert",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
    }
    with pytest.raises(InputError, match="not causal"):
        prepare_packing(make_model({"config": settings}))


def test_packed_and_unrolled_hold_the_same_predictions(sequences_folder: Path) -> None:
    data = Sequences(sequences_folder)
    rows = [data[index] for index in range(6)]

    def predictions(batch: dict[str, torch.Tensor]) -> list[tuple[tuple[int, ...], int]]:
        found = []
        for index, (ids, labels) in enumerate(zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True)):
            starts = batch["position_ids"][index].tolist() if "position_ids" in batch else list(range(len(ids)))
            for place in range(1, len(ids)):
                if labels[place] != -100:
                    assert labels[place] == ids[place]
                    context = ids[place - 1 - starts[place - 1] : place]
                    found.append((tuple(context), labels[place]))
        return sorted(found)

    packed, unrolled = packed_batch(rows), unrolled_batch(rows)
    assert predictions(packed) == predictions(unrolled)
    # Counted with or without the shift, the labels are the predictions.
    wanted = sum(int(row["length"]) - len(row["segments"]) for row in rows)
    for batch in (packed, unrolled):
        assert int((batch["labels"] != -100).sum()) == int((batch["labels"][:, 1:] != -100).sum()) == wanted
    assert packed["input_ids"].shape == (6, 64)
    assert unrolled["input_ids"].shape[0] == 24


def test_packed_and_unrolled_give_one_loss(make_model: Callable[..., PreTrainedModel], sequences_folder: Path) -> None:
    data = Sequences(sequences_folder)
    rows = [data[index] for index in range(4)]
    model = make_model("llama")
    prepare_loss(model)
    with torch.no_grad():
        packed, unrolled = (model(**make(rows)).loss for make in (packed_batch, unrolled_batch))
    torch.testing.assert_close(packed, unrolled, rtol=1e-6, atol=0)


def test_positions_restart_and_padding_is_apart() -> None:
    row = {"input_ids": [5, 6, 7, 8, 9, 1, 1, 1], "length": 5, "segments": [1, 5]}
    batch = packed_batch([row])
    assert batch["position_ids"].tolist() == [[0, 0, 1, 2, 3, 0, 1, 2]]
    assert batch["labels"].tolist() == [[-100, -100, 7, 8, 9, -100, -100, -100]]


@pytest.mark.parametrize(("length", "segments"), [(5, [2, 4]), (5, [4, 2, 5]), (9, [9])])
def test_inconsistent_rows_are_refused(length: int, segments: list[int]) -> None:
    with pytest.raises(InputError, match="segment ends"):
        packed_batch([{"input_ids": list(range(8)), "length": length, "segments": segments}])


def test_sequences_go_round_and_count_tokens(sequences_folder: Path, tmp_path: Path) -> None:
    data = Sequences(sequences_folder)
    data.count = 50
    assert len(data) == 50
    assert (data[3]["input_ids"] == data[25]["input_ids"]).all()
    lengths = [int(data[index]["length"]) for index in range(50)]
    assert [data.tokens(count) for count in range(51)] == [sum(lengths[:count]) for count in range(51)]
    with pytest.raises(InputError, match="no sequence data"):
        Sequences(tmp_path)
