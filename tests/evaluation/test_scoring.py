from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from ecomct.errors import InputError
from ecomct.evaluation import scoring
from ecomct.evaluation.scoring import ModelScorer

VOCABULARY, EOS = 120, 0
SMALL: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 32, "initializer_range": 0.4}
LAYERS: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def build(kind: str) -> Any:
    torch.manual_seed(11)
    if kind == "bloom":
        return BloomForCausalLM(BloomConfig(**SMALL, n_layer=2, n_head=4))
    if kind == "gpt2":  # learned positions: the one kind that notices where padding has put a token
        return GPT2LMHeadModel(GPT2Config(**SMALL, n_layer=2, n_head=4, n_positions=64))
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**SMALL, **LAYERS, num_key_value_heads=2, max_position_embeddings=64))
    # Gemma 2 caps its logits, so its head is more than an output embedding; and it has sliding windows.
    return Gemma2ForCausalLM(
        Gemma2Config(**SMALL, **LAYERS, num_key_value_heads=2, head_dim=8, sliding_window=6, final_logit_softcapping=3.0)
    )


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small run slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["bloom", "llama", "gpt2", "gemma2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / request.param
    build(request.param).save_pretrained(path)
    return path


def scorer(folder: Path, batch_size: int = 4) -> ModelScorer:
    return ModelScorer(folder, eos=EOS, tokens=VOCABULARY, batch_size=batch_size)


def sequences(count: int, low: int, high: int, seed: int) -> list[list[int]]:
    generator = random.Random(seed)
    return [[generator.randrange(1, VOCABULARY) for _ in range(generator.randint(low, high))] for _ in range(count)]


def naive(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("batch_size", [1, 4])
def test_candidates_equal_full_logits(folder: Path, batch_size: int) -> None:
    prompts = sequences(7, 1, 20, 1)
    candidates = [[5], [6, 7], [5, 9, 11, 2], [8, 8, 8]]
    found = scorer(folder, batch_size).log_likelihoods(prompts, candidates)
    model = naive(folder)
    with torch.no_grad():
        for prompt, values in zip(prompts, found, strict=True):
            for candidate, value in zip(candidates, values, strict=True):
                logits = model(torch.tensor([prompt + candidate])).logits[0].log_softmax(-1)
                wanted = sum(float(logits[len(prompt) - 1 + i, token]) for i, token in enumerate(candidate))
                assert value == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("chunk", [1, 7 * VOCABULARY, 1 << 26])
def test_document_losses_equal_the_models_own(folder: Path, batch_size: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_CHUNK_VALUES", chunk)
    documents = sequences(7, 2, 30, 2)
    found = scorer(folder, batch_size).document_losses(documents)
    model = naive(folder)
    with torch.no_grad():
        for document, value in zip(documents, found, strict=True):
            ids = torch.tensor([document])
            assert value == pytest.approx(float(model(ids, labels=ids).loss) * (len(document) - 1), rel=1e-5)


def test_generation_is_greedy_and_independent_of_the_batch(folder: Path) -> None:
    prompts = sequences(7, 1, 20, 3)
    alone = scorer(folder, 1).generate(prompts, 8, lambda ids: False)
    assert scorer(folder, 4).generate(prompts, 8, lambda ids: False) == alone
    assert len({tuple(ids) for ids in alone}) > 1
    model = naive(folder)
    for prompt, ids in zip(prompts, alone, strict=True):
        output = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=8, do_sample=False,
            eos_token_id=EOS, pad_token_id=EOS,
        )[0, len(prompt) :].tolist()  # fmt: skip
        assert ids == (output[: output.index(EOS)] if EOS in output else output)


def test_generation_ends_at_eos_and_when_finished(folder: Path) -> None:
    prompts = sequences(6, 2, 12, 4)
    whole = scorer(folder).generate(prompts, 8, lambda ids: False)
    stopped = scorer(folder).generate(prompts, 8, lambda ids: len(ids) >= 3)
    assert stopped == [ids[:3] for ids in whole]
    eos = whole[0][2]
    ended = ModelScorer(folder, eos=eos, tokens=VOCABULARY, batch_size=4).generate(prompts, 8, lambda ids: False)
    assert ended[0] == whole[0][: whole[0].index(eos)]
    assert all(eos not in ids for ids in ended)


def test_progress_counts_every_row(folder: Path) -> None:
    done: list[int] = []
    one = scorer(folder, 4)
    one.document_losses(sequences(6, 2, 4, 5), done.append)
    one.log_likelihoods(sequences(5, 2, 4, 5), [[1], [2]], done.append)
    one.generate(sequences(3, 2, 4, 5), 2, lambda ids: False, done.append)
    assert done == [4, 2, 4, 1, 3]
    assert one.document_losses([]) == []


def test_only_a_plain_head_is_split_off(folder: Path) -> None:
    assert scorer(folder)._split == (folder.name != "gemma2")


def test_a_broken_model_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="120 embeddings for 121 tokens"):
        ModelScorer(folder, eos=EOS, tokens=VOCABULARY + 1, batch_size=1)
    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(InputError, match="cannot be loaded"):
        scorer(broken)
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in sorted(weights) if name.endswith(("o_proj.weight", "dense.weight", "c_proj.weight")))
    del weights[lost]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="the weights lack"):
        scorer(broken)
