"""The recipe's model without its weights: configuration, parameters, arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.tokens.tokenizer import read_tokenizer
from ecomct.training.model import check_model
from ecomct.training.process import quiet
from ecomct.training.speed import flops_per_token


@dataclass(frozen=True)
class Shape:
    """What a plan needs to know of a model.

    `parameters`: all of them, a tied weight once. `largest`: those of the largest single weight.
    `layer`: those of the largest repeated layer. `table`: those of input and output embedding together, a tied one once.
    `flops`: operations a token of training, None where the count is not known (experts, state spaces).
    """

    config: PreTrainedConfig
    kind: str
    parameters: int
    largest: int
    layer: int
    table: int
    vocabulary: int
    layers: int
    hidden: int
    heads: int
    flops: float | None


def read_shape(recipe: Recipe) -> Shape:
    """Read the recipe's model from its configuration alone; a folder needs config.json and no weights.

    Parameters are counted on the model itself, built on PyTorch's meta device, which stores nothing:
    the count is exact for any causal language model of transformers. BLOOM: V h + L (12 h^2 + 13 h) + 4 h.

    Raises:
        InputError: no configuration there, or one that transformers refuses.
    """
    config = _config(recipe)
    try:
        with quiet(), torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # transformers and torch raise many classes over a bad configuration
        said = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"model: {config.model_type} refuses its configuration: {said[-1][:300]}") from error
    return shape_of(model, recipe.sequences.length)


def shape_of(model: PreTrainedModel, length: int) -> Shape:
    """Count a model that stands on the meta device (or any other)."""
    config = model.config
    text = config.get_text_config()
    sizes = [parameter.numel() for parameter in model.parameters()]
    ends: list[Any] = [part.weight for part in (model.get_input_embeddings(), model.get_output_embeddings()) if part is not None]
    kinds = set(getattr(model, "_no_split_modules", None) or ())
    modules: list[torch.nn.Module] = list(model.modules())
    layers = [sum(p.numel() for p in part.parameters()) for part in modules if type(part).__name__ in kinds]
    depth = getattr(text, "num_hidden_layers", None) or max(1, len(layers))
    table = sum(weight.numel() for weight in {id(weight): weight for weight in ends}.values())
    return Shape(
        config=config,
        kind=config.model_type,
        parameters=sum(sizes),
        largest=max(sizes),
        layer=max(layers, default=(sum(sizes) - table) // depth),
        table=table,
        vocabulary=text.vocab_size,
        layers=depth,
        hidden=text.hidden_size,
        heads=getattr(text, "num_attention_heads", None) or 1,
        flops=flops_per_token(model, length),
    )


def _config(recipe: Recipe) -> PreTrainedConfig:
    if recipe.model.path is not None:
        folder = recipe.resolve(recipe.model.path)
        if not (folder / "config.json").is_file():
            raise InputError(f"model.path: {folder} has no config.json (a plan needs that file alone, no weights)")
        try:
            with quiet():
                return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # every class of fault in foreign files ends here, named
            said = str(error).splitlines() or [type(error).__name__]
            raise InputError(f"model.path: {folder}/config.json cannot be opened: {said[-1][:300]}") from error
    check_model(recipe)
    given: dict[str, Any] = dict(recipe.model.config or {})
    kind = given.pop("model_type")
    if "vocab_size" not in given:
        words = recipe.tokenizer.train_vocab
        if words is None:
            words = Tokenizer.from_str(read_tokenizer(recipe)[0]).get_vocab_size()
        given["vocab_size"] = -(-words // 64) * 64
    try:
        return CONFIG_MAPPING[kind](**given)
    except Exception as error:  # as above
        raise InputError(f"model.config: {kind} refuses it: {str(error).splitlines()[-1][:300]}") from error
