"""The tokenizer of a run: one from disk, or a byte-level BPE trained on the run's own documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from ecomct.atomic import write_atomic, write_json
from ecomct.documents.ingest import iter_shard
from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.seeded import hash_text

END_OF_TEXT = "<|endoftext|>"
# Text a tokenizer is trained on; more changes little and costs memory (up to forty times its size on text without spaces).
TRAIN_BYTES = 8 << 20
_SLICE = 1000  # characters


def tokenizer_file(recipe: Recipe) -> Path:
    """The tokenizer.json that the recipe names."""
    assert recipe.tokenizer.path is not None
    path = recipe.resolve(recipe.tokenizer.path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"tokenizer.path: no tokenizer.json at {path}")
    return file


def prepare_tokenizer(recipe: Recipe, documents: Path, links: Path, shards: list[str], out: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json to `out`, so that transformers opens the folder."""
    if recipe.tokenizer.path is None:
        data, eos = train_bpe(_texts(recipe, documents, links, shards), recipe.tokenizer.train_vocab or 0).to_str(), END_OF_TEXT
    else:
        data, eos = read_tokenizer(recipe)
    write_atomic(out / "tokenizer.json", data)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": eos, "clean_up_tokenization_spaces": False}
    write_json(out / "tokenizer_config.json", config)


def read_tokenizer(recipe: Recipe) -> tuple[str, str]:
    """The recipe's tokenizer.json as text and its end-of-text token; InputError where they do not fit."""
    file = tokenizer_file(recipe)
    tokenizer, eos = _load(file), recipe.tokenizer.eos or _named_eos(file)
    if tokenizer.token_to_id(eos) is None:
        raise InputError(f"tokenizer.eos: the tokenizer has no token {eos!r}; name its end-of-text token")
    return file.read_text(encoding="utf-8"), eos


def load_tokenizer(folder: Path) -> tuple[Tokenizer, int]:
    """The prepared tokenizer and its end-of-text id.

    Markers such as the end-of-text token are read as plain characters when they occur in a row's text:
    a review cannot end a document.
    """
    tokenizer = _load(folder / "tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    eos = json.loads((folder / "tokenizer_config.json").read_text())["eos_token"]
    identifier = tokenizer.token_to_id(eos)
    assert identifier is not None, "prepare_tokenizer checked this"
    return tokenizer, identifier


def train_bpe(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """Byte-level BPE without unknown tokens; digits one by one. Deterministic in the texts' order."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=24,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _texts(recipe: Recipe, documents: Path, links: Path, shards: list[str]) -> Iterator[str]:
    """Training texts, held-out rows excluded: a share of the rows by hash, TRAIN_BYTES at most."""
    size = sum((documents / f"{shard}.parquet").stat().st_size for shard in shards)
    # Shards are compressed about threefold; a rough share is enough, the cap below is exact.
    share, left = min(1.0, TRAIN_BYTES / max(1, 3 * size)), TRAIN_BYTES
    for shard in shards:
        fates = iter_shard(links / f"{shard}.parquet", ["fate"])
        fate = [value for table in fates for value in table["fate"].to_pylist()]
        position = 0
        for table in iter_shard(documents / f"{shard}.parquet", ["row", "text"]):
            for row, text in zip(table["row"].to_pylist(), table["text"].to_pylist(), strict=True):
                chosen = fate[position] == "train" and hash_text(f"{row}", recipe.seed) < share * 2**64
                position += 1
                if chosen:
                    left -= len(text.encode())
                    if left < 0:
                        return
                    # To the trainer a run of letters without a space is one word, and its cost quadratic in the word.
                    yield from (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))


def _load(file: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise InputError(
            f"tokenizer.path: {file} is no tokenizer.json of tokenizers {tokenizers.__version__} ({error})"
        ) from error


def _named_eos(file: Path) -> str:
    """End-of-text token by the tokenizer_config.json beside a tokenizer.json."""
    config = file.parent / "tokenizer_config.json"
    named = json.loads(config.read_text(encoding="utf-8")).get("eos_token") if config.is_file() else None
    eos = named.get("content") if isinstance(named, dict) else named
    if not eos:
        raise InputError(f"tokenizer.eos: {file.name} does not name its end-of-text token; set eos, for example '<|endoftext|>'")
    return str(eos)
