"""Starting models: from a folder, from a configuration, and every refusal in one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.model import load_model, write_base


@pytest.fixture
def tokenizer(tokenizer_folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tokenizer_folder)


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_configuration_gives_seeded_weights_and_the_tokenizers_ids(
    make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    write_base(make_recipe(), tokenizer_folder, tmp_path / "a" / "model")
    assert torch.equal(torch.rand(1), expected), "the process's generator is not touched"
    write_base(make_recipe(), tokenizer_folder, tmp_path / "b" / "model")
    write_base(make_recipe(seed=18), tokenizer_folder, tmp_path / "c" / "model")
    a, b, c = (digest(tmp_path / name / "model") for name in "abc")
    assert a == b
    assert a["model.safetensors"] != c["model.safetensors"]
    assert sorted(a) == ["config.json", "generation_config.json", "model.safetensors"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model"]
    config = json.loads((tmp_path / "a" / "model" / "config.json").read_text())
    assert (config["vocab_size"], config["eos_token_id"], config["pad_token_id"], config["use_cache"]) == (320, 1, None, True)


def test_a_folder_is_opened_in_float32(
    make_recipe: Callable[..., Recipe], tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    made = load_model(make_recipe("llama"), tokenizer)
    for parameter in made.parameters():
        parameter.data = parameter.data.bfloat16()
    made.save_pretrained(tmp_path / "llama")
    opened = load_model(make_recipe({"path": str(tmp_path / "llama")}), tokenizer)
    assert {parameter.dtype for parameter in opened.parameters()} == {torch.float32}
    for left, right in zip(made.parameters(), opened.parameters(), strict=True):
        assert torch.equal(left.float(), right)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "blooom"}, "knows no 'blooom'; did you mean 'bloom'"),
        ({"model_type": "t5"}, "'t5' is not a causal language model"),
        (
            {"model_type": "bloom", "hiden_size": 8},
            "model.config.hiden_size: bloom has no such setting; did you mean 'hidden_size'",
        ),
        ({"model_type": "bloom", "hidden_size": 30, "n_head": 4}, "bloom refuses it: .*divisible"),
        ({"model_type": "bloom", "hidden_size": "wide"}, "bloom refuses it: .*expected int"),
        ({"model_type": "llama", "max_position_embeddings": 32}, "sequences.length: 64 tokens, but .* 32"),
        ({"model_type": "gpt2", "n_positions": 63}, "sequences.length: 64 tokens, but .* 63"),
        ({"model_type": "bloom", "vocab_size": 299}, "299 entries and the tokenizer 300"),
    ],
)
def test_bad_configurations_are_one_clear_line(
    config: dict[str, Any], words: str, make_recipe: Callable[..., Recipe], tokenizer: PreTrainedTokenizerBase
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_model(make_recipe({"config": config}), tokenizer)
    assert "\n" not in str(caught.value)


def test_older_rotary_names_are_understood(make_recipe: Callable[..., Recipe], tokenizer: PreTrainedTokenizerBase) -> None:
    settings = {"model_type": "llama", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "rope_theta": 5e5}
    model = load_model(make_recipe({"config": settings}), tokenizer)
    assert model.config.rope_parameters["rope_theta"] == 5e5


def test_bad_folders_are_one_clear_line(
    make_recipe: Callable[..., Recipe], tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    def refusal(folder: Path) -> str:
        with pytest.raises(InputError) as caught:
            load_model(make_recipe({"path": str(folder)}), tokenizer)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no folder" in refusal(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(tmp_path / "empty")

    good = tmp_path / "good"
    load_model(make_recipe("llama"), tokenizer).save_pretrained(good)
    weights = (good / "model.safetensors").read_bytes()
    (good / "model.safetensors").rename(good / "pytorch_model.bin")
    assert "only pickled weights" in refusal(good)
    (good / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "cannot be opened" in refusal(good)

    (good / "model.safetensors").write_bytes(weights)
    config = json.loads((good / "config.json").read_text())
    (good / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    assert "lacks 9 of the model's weights" in refusal(good)
    (good / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}))
    assert "cannot be opened" in refusal(good)


def test_a_missing_tokenizer_is_one_clear_line(make_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokenizer folder"):
        write_base(make_recipe(), tmp_path / "absent", tmp_path / "model")
    with pytest.raises(InputError, match="no tokenizer that transformers can open"):
        write_base(make_recipe(), tmp_path, tmp_path / "model")
