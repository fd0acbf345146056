"""Text to token ids: by an exact encoder faster than Hugging Face's where the tokenizer has one, checked against it.

fastokens (https://github.com/crusoecloud/fastokens) reads the same tokenizer.json and computes the same byte-level BPE by
another algorithm. It is used for the parts it is known to get right, always beside a share of texts that Hugging Face
encodes as well; whatever is unknown, fails or differs goes to Hugging Face for the whole run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from fastokens import Tokenizer as FastTokenizer
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from ecomct.tokens.tokenizer import load_tokenizer

FAST, REFERENCE = "fastokens", "huggingface"
Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

_NORMALIZERS = {"NFC"}
_PRE_TOKENIZERS = {"ByteLevel", "Split", "Digits"}
# Model settings that change ids and that byte-level tokenizers leave at these values.
_PLAIN_MODEL = {
    "dropout": (None, 0.0),
    "unk_token": (None,),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (None, False),
}
_REFERENCE_BATCH = 128  # its encodings take some hundred bytes a token


class InexactError(Exception):
    """The fast encoder cannot be used: it failed, or gave other ids than Hugging Face for `row`. The message says where."""

    def __init__(self, message: str, row: int | None = None) -> None:
        self.row = row
        super().__init__(message)


def unfit(folder: Path) -> str | None:
    """Why this tokenizer.json is not for the fast encoder, or None: normalizer, pre-tokenizer, model and added tokens by name."""
    config = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    if config["model"].get("type", "BPE") != "BPE":
        return f"model {config['model']['type']}"
    for key, plain in _PLAIN_MODEL.items():
        if config["model"].get(key) not in plain:
            return f"model.{key} {config['model'][key]}"
    if other := [part for part in _parts(config.get("normalizer"), "normalizers") if part not in _NORMALIZERS]:
        return f"normalizer {other[0]}"
    pre_tokenizers = _parts(config.get("pre_tokenizer"), "pretokenizers")
    if other := [part for part in pre_tokenizers if part not in _PRE_TOKENIZERS]:
        return f"pre-tokenizer {other[0]}"
    if pre_tokenizers[-1:] != ["ByteLevel"]:
        return "not byte-level"
    for token in config.get("added_tokens", []):
        if not token["special"] and (token["lstrip"] or token["rstrip"] or token["single_word"]):
            return f"added token {token['content']!r}, which looks at its neighbours"
        # Such tokens are sought in normalised text, where overlapping ones have been seen to differ.
        if not token["special"] and token["normalized"] and config.get("normalizer"):
            return f"added token {token['content']!r}, which is sought in normalised text"
    return None


class Encoder:
    """The ids of a prepared tokenizer folder, computed by `name` (FAST or REFERENCE).

    Markers such as the end-of-text token are plain characters here, as `load_tokenizer` says.
    Opening costs about a second for 150,000 tokens.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._fast: FastTokenizer | None = None
        if name == FAST:
            try:
                self._fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
            except Exception as error:  # the library raises what it finds: unsupported parts, unreadable regular expressions
                raise InexactError(f"cannot open it: {error}") from error
            self._fast.no_truncation()

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """Ids of all texts, one after another, and where each begins: text i has `ids[offsets[i] : offsets[i + 1]]`.

        Each text alone, whatever its neighbours. InexactError where the fast encoder cannot encode one of them.
        """
        if self._fast is None:
            return self.reference(texts)
        try:
            ids, offsets = self._fast.encode_batch_flat(list(texts), split_special_tokens=True)
        except Exception as error:  # for example a byte without a token
            raise InexactError(f"cannot encode a text: {error}") from error
        return np.frombuffer(ids, "<u4").astype(np.int32), np.frombuffer(offsets, "<u8").astype(np.int64)

    def reference(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """The same by Hugging Face."""
        parts: list[Ids] = [np.empty(0, dtype=np.int32)]
        for start in range(0, len(texts), _REFERENCE_BATCH):
            batch = list(texts[start : start + _REFERENCE_BATCH])
            encodings = self._reference.encode_batch_fast(batch, add_special_tokens=False)
            parts += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        return np.concatenate(parts), np.cumsum([len(part) for part in parts], dtype=np.int64)

    def first_difference(self, texts: Sequence[str], ids: Ids, offsets: Offsets, chosen: npt.NDArray[np.int64]) -> int | None:
        """The first of the `chosen` texts for which Hugging Face gives other ids, or None."""
        expected, ends = self.reference([texts[index] for index in chosen])
        for index, begin, end in zip(chosen.tolist(), ends, ends[1:], strict=False):
            if not np.array_equal(expected[begin:end], ids[offsets[index] : offsets[index + 1]]):
                return int(index)
        return None

    def spans(self, text: str, ids: Ids) -> tuple[Offsets, Offsets]:
        """The character that each token of `text` begins in and the one after its last, as Hugging Face's offsets say.

        Where the tokens are the text byte for byte, lengths say it; else (normalised text, trimmed offsets) Hugging Face does.
        """
        data, parts = text.encode(), [self.bytes_of_tokens[token] for token in ids.tolist()]
        if self._trims or b"".join(parts) != data:
            offsets = np.array(self._reference.encode(text, add_special_tokens=False).offsets, dtype=np.int64).reshape(-1, 2)
            return offsets[:, 0], offsets[:, 1]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        character = np.cumsum((np.frombuffer(data, np.uint8) & 0xC0) != 0x80) - 1  # of each byte
        return character[ends - np.diff(ends, prepend=0)], character[ends - 1] + 1

    @cached_property
    def _reference(self) -> Tokenizer:
        return load_tokenizer(self._folder)[0]

    @cached_property
    def bytes_of_tokens(self) -> list[bytes]:
        """Bytes of each token by id: byte-level vocabularies write a byte as one printable character."""
        alphabet = sorted(ByteLevel.alphabet())
        plain = {ord(char): ord(char) for char in alphabet if ord(char) < 256}
        moved = [ord(char) for char in alphabet if ord(char) >= 256]
        byte = plain | dict(zip(moved, sorted(set(range(256)) - plain.keys()), strict=True))
        vocabulary = self._reference.get_vocab(with_added_tokens=True)
        found = [b""] * (1 + max(vocabulary.values()))
        for token, identifier in vocabulary.items():
            try:
                found[identifier] = token.translate(byte).encode("latin-1")
            except UnicodeEncodeError:
                found[identifier] = b"\xff"  # not written in bytes: in no text
        return found

    @cached_property
    def _trims(self) -> bool:
        """Whether offsets leave out a token's leading space."""
        return '"trim_offsets":true' in json.dumps(
            json.loads(self._reference.to_str()).get("post_processor"), separators=(",", ":")
        )


def _parts(config: dict[str, Any] | None, key: str) -> list[str]:
    """Types of a component, or of the members of a Sequence (nested ones in order)."""
    if config is None:
        return []
    if config["type"] != "Sequence":
        return [config["type"]]
    return [part for member in config[key] for part in _parts(member, key)]
