"""The model a run starts from: opened from a folder or made from a configuration."""

from __future__ import annotations

import dataclasses
import difflib
import os
import shutil
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from ecomct.atomic import sync_folder
from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.training.checkpoints import sync_tree
from ecomct.training.lora import is_adapted, save_adapted
from ecomct.training.process import quiet

# Written by transformers into every config.json, or older names that its classes still translate.
_PLAIN_KEYS = {"model_type", "torch_dtype", "dtype", "architectures", "transformers_version"}
_ROTARY_KEYS = {"rope_theta", "rope_scaling", "partial_rotary_factor"}
# One file whatever the size: readers of a run look for model.safetensors.
_ONE_FILE = "100TB"


def load_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Return the starting model with float32 weights, in evaluation mode, on the CPU.

    From `model.path`: safetensors on disk only, no downloads, no code from the folder. From
    `model.config`: random weights drawn under `recipe.seed`; `vocab_size` defaults to the
    tokenizer's length rounded up to a multiple of 64, and the ids of eos, bos and pad are always
    the tokenizer's (pad only where it is a token of its own: transformers never trains the
    embedding of the pad id, and eos has to be trained).

    Raises:
        InputError: the folder, configuration, vocabulary or sequence length does not fit.
    """
    with quiet():
        if recipe.model.path is not None:
            folder = recipe.resolve(recipe.model.path)
            _check_sizes(read_config(folder, "model.path"), recipe, tokenizer)
            return open_folder(folder, "model.path")
        config = _make_config(recipe, tokenizer)
        _check_sizes(config, recipe, tokenizer)
        try:
            # Drawn apart from the process's generators, so that what ran before does not matter.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(recipe.seed)
                model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
        except Exception as error:  # transformers and torch raise many classes over a bad configuration
            raise InputError(f"model.config: {config.model_type} refuses it: {_line(error)}") from error
    return model.eval()


def check_model(recipe: Recipe) -> None:
    """Refuse a model that cannot be, before any data is prepared for it. Opens no weights.

    Raises:
        InputError: the folder lacks what it needs, or transformers does not know the configuration.
    """
    with quiet():
        if recipe.model.path is not None:
            read_config(recipe.resolve(recipe.model.path), "model.path")
        else:
            _config_class(dict(recipe.model.config or {}))


def write_base(recipe: Recipe, tokenizer_folder: Path, out: Path) -> None:
    """Write the starting model of `recipe` to the folder `out`, whole or not at all.

    Raises:
        InputError: as `load_model`, or `tokenizer_folder` holds no tokenizer.
    """
    if not tokenizer_folder.is_dir():
        raise InputError(f"{tokenizer_folder}: no tokenizer folder")
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{tokenizer_folder}: no tokenizer that transformers can open ({_line(error)})") from error
        model = load_model(recipe, tokenizer)
        out.parent.mkdir(parents=True, exist_ok=True)
        hidden = out.parent / f".{out.name}.tmp"
        shutil.rmtree(hidden, ignore_errors=True)
        save_weights(model, hidden)
    sync_tree(hidden)
    shutil.rmtree(out, ignore_errors=True)
    os.replace(hidden, out)
    sync_folder(out.parent)


def read_config(folder: Path, place: str) -> PreTrainedConfig:
    """Check that `folder` is a model folder with safetensors and read its config.json; `place` starts every message.

    Raises:
        InputError: nothing usable there, or a model that only code of its own could open.
    """
    if not folder.is_dir():
        raise InputError(f"{place}: no folder {folder} (a model is never downloaded: give a folder on disk)")
    if not (folder / "config.json").is_file():
        raise InputError(f"{place}: {folder} has no config.json")
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        pickled = " (only pickled weights, which are not opened: convert them)" if any(folder.glob("*.bin")) else ""
        raise InputError(f"{place}: {folder} has no model.safetensors{pickled}")
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # every class of fault in foreign files ends here, named
        raise InputError(f"{place}: {folder}/config.json cannot be opened: {_line(error)}") from error


def open_folder(folder: Path, place: str) -> PreTrainedModel:
    """Open a model folder in float32, in evaluation mode; `place` starts every message.

    Raises:
        InputError: as `read_config`, a model that is not a causal language model, or weights that
            the files lack (transformers would draw them at random).
    """
    config = read_config(folder, place)
    try:
        with quiet():
            opened: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except Exception as error:  # as above
        raise InputError(f"{place}: {folder} cannot be opened as a causal language model: {_line(error)}") from error
    model, report = opened
    if missing := sorted(report["missing_keys"]):
        raise InputError(f"{place}: {folder} lacks {len(missing)} of the model's weights, such as {missing[0]}")
    return cast(PreTrainedModel, model)


def save_weights(model: PreTrainedModel, folder: Path, weights: dict[str, torch.Tensor] | None = None) -> None:
    """Write config.json, generation_config.json where there is one, and model.safetensors in the model's type.

    A model with adapters is saved merged, and the adapters beside it in lora/.

    `weights`: what to write instead of the model's own, where it holds only a part of them or rounded ones.
    """
    if is_adapted(model):
        assert weights is None, "adapters are not shared between processes"
        save_adapted(model, folder, _ONE_FILE)
        return
    model.save_pretrained(folder, state_dict=weights, max_shard_size=_ONE_FILE)
    if weights is not None:
        # It names the type of the model's own weights.
        model.config.dtype = str(next(iter(weights.values())).dtype).removeprefix("torch.")
        model.config.save_pretrained(folder)


def _make_config(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    """Turn `model.config` into a configuration of transformers, completed from the tokenizer."""
    given = dict(recipe.model.config or {})
    kind = given["model_type"]
    _config_class(given)
    del given["model_type"]
    given.setdefault("vocab_size", -(-len(tokenizer) // 64) * 64)
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    given |= {"eos_token_id": eos, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": None if pad == eos else pad}
    try:
        return AutoConfig.for_model(kind, **given)
    except Exception as error:  # transformers raises many classes over a bad configuration
        raise InputError(f"model.config: {kind} refuses it: {_line(error)}") from error


def _config_class(given: dict[str, Any]) -> Any:
    """The configuration class of `model.config`, its keys checked."""
    kind = given["model_type"]
    if kind not in CONFIG_MAPPING:
        near = difflib.get_close_matches(str(kind), list(CONFIG_MAPPING.keys()), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"model.config.model_type: transformers knows no {kind!r}{hint}")
    config_class = CONFIG_MAPPING[kind]
    if config_class not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise InputError(f"model.config.model_type: {kind!r} is not a causal language model of transformers")
    _check_keys(config_class, given)
    return config_class


def _check_sizes(config: PreTrainedConfig, recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a vocabulary or a position table that is too small, before any weights exist."""
    config = config.get_text_config()
    if config.vocab_size < len(tokenizer):
        raise InputError(
            f"model: its vocabulary has {config.vocab_size} entries and the tokenizer {len(tokenizer)}; "
            "use the model's own tokenizer or a configuration without vocab_size"
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and positions < recipe.sequences.length:
        raise InputError(
            f"sequences.length: {recipe.sequences.length} tokens, but the model has max_position_embeddings {positions}; "
            "shorten the sequences or choose another model"
        )


def _check_keys(config_class: Any, given: dict[str, Any]) -> None:
    """Refuse keys the configuration class does not know; transformers would keep and ignore them."""
    known = {field.name for field in dataclasses.fields(config_class)} | set(config_class.attribute_map) | _PLAIN_KEYS
    if "rope_parameters" in known:
        known |= _ROTARY_KEYS
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"model.config.{key}: {config_class.model_type} has no such setting{hint}")


def _line(error: Exception) -> str:
    """Return the last line of an error's text that says something, which is where validators put the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
