"""Low-rank adapters inside a model that stays of its own class (Hu et al., 2022; layers by peft).

What is saved is always the merged model, W + (alpha / rank) B A, so that everything after opens it in stock
transformers; the adapters lie beside it in `lora/`, where peft opens them on top of the base and training resumes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from ecomct.atomic import write_json
from ecomct.errors import InputError
from ecomct.recipe.tuning import Lora

FOLDER = "lora"
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
# How peft's own files begin every name: the model inside LoraModel inside PeftModel.
_PREFIX = "base_model.model."


def add_adapters(model: PreTrainedModel, settings: Lora, seed: int, checkpoint: Path | None = None) -> None:
    """Put adapters into the model's linear layers and freeze all else; it computes the same as before (B is 0).

    `seed` decides A; with a `checkpoint` that `save_adapted` wrote both are as saved there.
    Cost: rank x (inputs + outputs) float32 a target.

    Raises:
        InputError: peft is not installed, or `settings.targets` names no linear layer of the model.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError("tuning.method: lora needs peft; pip install 'ecomct[lora]'") from error
    targets: Any = settings.targets or None
    if settings.targets == ["all-linear"]:
        targets = "all-linear"
    given: dict[str, Any] = {"r": settings.rank, "lora_alpha": settings.alpha, "lora_dropout": settings.dropout}
    config = LoraConfig(**given, target_modules=targets, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            inject_adapter_in_model(config, model)
        except ValueError as error:
            raise InputError(f"tuning.lora.targets: {str(error).splitlines()[0]}") from error
    # New layers come in training mode, and their dropout would be on in a model that is not.
    model.train(model.training)
    if checkpoint is not None:
        load_adapters(model, checkpoint)


def is_adapted(model: Any) -> bool:
    """Whether `add_adapters` was here."""
    return any(".lora_A." in name for name, _ in model.named_parameters())


def merged_state(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the state of the model without adapters that computes the same, under the stock names.

    The model is not touched. Memory: a second copy of the adapted matrices.
    """
    from peft.tuners.lora import LoraLayer

    layers: list[tuple[str, Any]] = [(name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer)]
    state = {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in model.state_dict().items()
        if not any(part.startswith("lora_") for part in name.split("."))
    }
    with torch.no_grad():
        for name, layer in layers:
            weight = f"{name}.weight"
            state[weight] = state[weight] + layer.get_delta_weight("default").to(state[weight].dtype)
    return state


def save_adapted(model: PreTrainedModel, folder: Path, max_shard_size: str) -> None:
    """Write the merged model to `folder` and its adapters to `folder`/lora."""
    from peft import get_peft_model_state_dict

    model.save_pretrained(folder, state_dict=merged_state(model), max_shard_size=max_shard_size)
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    state = get_peft_model_state_dict(model)
    save_file({_PREFIX + name: tensor.contiguous().cpu() for name, tensor in sorted(state.items())}, target / _WEIGHTS)
    configs: Any = model.peft_config
    write_json(target / _CONFIG, {name: _plain(value) for name, value in configs["default"].to_dict().items()})


def load_adapters(model: PreTrainedModel, folder: Path) -> None:
    """Give the model's adapters the values saved under `folder`/lora."""
    from peft import set_peft_model_state_dict

    state = {name.removeprefix(_PREFIX): tensor for name, tensor in load_file(folder / FOLDER / _WEIGHTS).items()}
    result: Any = set_peft_model_state_dict(model, state)
    assert not result.unexpected_keys, f"adapters of another model: {result.unexpected_keys[:3]}"


def _plain(value: Any) -> Any:
    """A setting as JSON has it; sets in order, since theirs differs from run to run."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    return json.loads(json.dumps(value, default=str))
