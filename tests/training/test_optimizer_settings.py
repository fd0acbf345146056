"""Which weights decay, and activations that are computed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ecomct.recipe.model import Recipe
from ecomct.training.arguments import arguments
from ecomct.training.guarded import GuardedTrainer
from ecomct.training.loss import prepare_loss
from ecomct.training.model import open_folder, write_base
from ecomct.training.packing import prepare_packing
from ecomct.training.run import train_arm

# What BLOOM and Llama have, written out: no pattern that could be wrong in the same way as the trainer's.
UNDECAYED = {
    "bloom": {
        *("transformer.word_embeddings_layernorm.weight", "transformer.word_embeddings_layernorm.bias"),
        *("transformer.ln_f.weight", "transformer.ln_f.bias"),
        *(
            f"transformer.h.{layer}.{name}"
            for layer in range(2)
            for name in (
                *("input_layernorm.weight", "input_layernorm.bias"),
                *("post_attention_layernorm.weight", "post_attention_layernorm.bias"),
                *("self_attention.query_key_value.bias", "self_attention.dense.bias"),
                *("mlp.dense_h_to_4h.bias", "mlp.dense_4h_to_h.bias"),
            )
        ),
    },
    "llama": {
        "model.norm.weight",
        *(f"model.layers.{layer}.{name}_layernorm.weight" for layer in range(2) for name in ("input", "post_attention")),
    },
}


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_norms_and_biases_do_not_decay(
    kind: str, make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(kind, weight_decay=0.1)
    write_base(recipe, tokenizer_folder, tmp_path / "base")
    model = open_folder(tmp_path / "base", "test")
    made = arguments(recipe.training, 1, 0, "fp32", tmp_path, False)
    groups = GuardedTrainer(model=model, args=made, training=recipe.training).create_optimizer().param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decay = {names[id(parameter)]: group["weight_decay"] for group in groups for parameter in group["params"]}
    assert decay.keys() == set(names.values())
    assert {name for name, rate in decay.items() if rate == 0.0} == UNDECAYED[kind]
    assert {rate for name, rate in decay.items() if name not in UNDECAYED[kind]} == {0.1}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_recomputed_activations_give_the_same_weights(
    kind: str, make_recipe: Callable[..., Recipe], tokenizer_folder: Path, sequences_folder: Path, tmp_path: Path
) -> None:
    write_base(make_recipe(kind), tokenizer_folder, tmp_path / "base")
    for way in ("keep", "recompute"):
        recipe = make_recipe(kind, activations=way, max_steps=3)
        train_arm(recipe, "mixed", sequences_folder, tmp_path / "base", tmp_path / way)
    kept, again = (load_file(tmp_path / way / "model" / "model.safetensors") for way in ("keep", "recompute"))
    for name, tensor in kept.items():
        torch.testing.assert_close(tensor, again[name], rtol=0, atol=1e-6, msg=name)


def test_the_layers_really_run_twice(make_recipe: Callable[..., Recipe], tokenizer_folder: Path, tmp_path: Path) -> None:
    calls = {}
    write_base(make_recipe(), tokenizer_folder, tmp_path / "base")
    for way in ("keep", "recompute"):
        recipe = make_recipe(activations=way, batch_size=2)
        model: Any = open_folder(tmp_path / "base", "test")
        prepare_packing(model)
        prepare_loss(model)
        made = arguments(recipe.training, 1, 0, "fp32", tmp_path, False)
        data = [{"input_ids": torch.arange(2, 18), "labels": torch.arange(2, 18), "position_ids": torch.arange(16)}] * 4
        trainer = GuardedTrainer(model=model, args=made, training=recipe.training, train_dataset=data)
        count = [0]
        model.transformer.h[0].input_layernorm.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        trainer.train()
        calls[way] = count[0]
    assert calls == {"keep": 1, "recompute": 2}
