"""Which weights a recipe starts from, pinned: digests of a model folder, and what a BLOOM of that size must be."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tokenizers import Tokenizer

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.tokens.tokenizer import read_tokenizer
from ecomct.training.model import read_config

# The published configurations of BLOOM-3B and 7B1 (BigScience, 2022), by hidden_size: n_layer, n_head, vocab_size.
_BLOOMS = {2560: (30, 32, 250_880), 4096: (30, 32, 250_880)}
# Ids of the published tokenizer; the embedding is padded to 250,880.
_BLOOM_WORDS = 250_680
_SUFFIXES = (".json", ".safetensors")


def model_files(folder: Path) -> list[Path]:
    """The files of a model folder that decide what is trained, sorted by name."""
    return sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES)


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the lines `digest  name` of all model files in the order of their names.

    The shell's way: `LC_ALL=C; sha256sum $(ls *.json *.safetensors) | sha256sum`. Cost: one read of the weights.
    """
    lines = "".join(f"{_digest(file)}  {file.name}\n" for file in model_files(folder))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_digests(recipe: Recipe) -> None:
    """Compare the model folder with `model.sha256`, where the recipe pins it.

    Raises:
        InputError: a file is missing or has other bytes, or the folder as a whole has.
    """
    pinned = recipe.model.sha256
    if recipe.model.path is None or pinned is None:
        return
    folder = recipe.resolve(recipe.model.path)
    if isinstance(pinned, str):
        if (found := folder_digest(folder)) != pinned:
            raise InputError(
                f"model.sha256: {folder} has the digest {found}, the recipe pins {pinned}; "
                "these are other files: get the pinned ones, or pin this digest if they are the ones you mean"
            )
        return
    for name, wanted in pinned.items():
        file = folder / name
        if not file.is_file():
            raise InputError(f"model.sha256.{name}: {folder} has no such file; its names are those of model.path")
        if (found := _digest(file)) != wanted:
            raise InputError(f"model.sha256.{name}: {file} has the digest {found}, the recipe pins {wanted}; get the pinned file")


def unpinned(recipe: Recipe) -> list[str]:
    """The digest to pin, where the recipe pins none. Cost: one read of the weights."""
    if recipe.model.path is None or recipe.model.sha256 is not None:
        return []
    digest = folder_digest(recipe.resolve(recipe.model.path))
    return [f"model.sha256 is not set; to pin the files of {recipe.model.path}: sha256: {digest}"]


def unlike_bloom(recipe: Recipe) -> list[str]:
    """Say in what a BLOOM as wide as 3B or 7B1 differs from the published one, by its configuration and tokenizer."""
    if recipe.model.path is None:
        return []
    config = read_config(recipe.resolve(recipe.model.path), "model.path")
    if config.model_type != "bloom" or config.hidden_size not in _BLOOMS:
        return []
    said = []
    for name, wanted in zip(("n_layer", "n_head", "vocab_size"), _BLOOMS[config.hidden_size], strict=True):
        if (found := getattr(config, name)) != wanted:
            said.append(f"model.path: the BLOOM of hidden_size {config.hidden_size} has {name} {wanted:,}, this one {found:,}")
    if recipe.tokenizer.path is None:
        return [*said, "tokenizer: a trained model reads only its own tokenizer; give tokenizer.path, not train_vocab"]
    words = Tokenizer.from_str(read_tokenizer(recipe)[0]).get_vocab_size()
    if words != _BLOOM_WORDS:
        said.append(f"tokenizer.path: BLOOM's tokenizer has {_BLOOM_WORDS:,} ids, this one {words:,}; use the model's own")
    return said


def _digest(file: Path) -> str:
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
