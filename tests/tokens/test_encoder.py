"""The fast encoder gives Hugging Face's ids, and a tokenizer for which it does not is encoded by Hugging Face."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.stage import file_digest
from ecomct.tokens.encode import EncodeTask, encode_shard
from ecomct.tokens.encoder import FAST, REFERENCE, Encoder, Ids, InexactError, unfit
from ecomct.tokens.tokenizer import END_OF_TEXT, load_tokenizer, train_bpe

Shop = Callable[..., Path]


def span_list(encoder: Encoder, text: str, ids: Ids) -> list[tuple[int, int]]:
    """Spans of a text's tokens in the form of Hugging Face's offsets."""
    return list(zip(*(side.tolist() for side in encoder.spans(text, ids)), strict=True))


CORPUS = [
    "白瓷茶杯很好用。送朋友的。",
    "A white cup. It's 200 ml!\nVery good;",
    "型号 X-200 的价格是 19.9 元?",
    "tea tea tea " * 20,
] * 5
ODD = [
    "",
    " ",
    "\n",
    "\r\n \t",
    f"good {END_OF_TEXT} cup<|im_end|>",
    "a" * 30_000,
    "好" * 10_000,
    " " * 10_000,
    "7" * 3_000,
    "👨‍👩‍👧‍👦 👍🏽 🇨🇳",
    "e\u0301 é \u1100\u1161\u11a8 각 ﬁ Å",
    "\u0301\u0301 lone marks \u200d",
    "\x00\x7f\ufeff\ufffe\U0010ffff",
    "½ ² ٣ Ⅷ 一二三 3.14",
    "we'll they'RE don’t",
]
# Unicode at large, and a small alphabet in which rules meet each other.
TEXTS = st.one_of(st.text(max_size=60), st.text(alphabet="ab's茶杯 \n\r\t01½é\u0301\u1100\u1161👍🏽\u200d.,<|>", max_size=60))
BLOOM = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(r" ?[^(\s|[.,!?…。，、।۔،])]+"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)


def byte_level(pre_tokenizer: Any, normalizer: Any = None, added: list[AddedToken] | None = None) -> Tokenizer:
    """A byte-level BPE of 500 tokens with other parts than ours."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=[END_OF_TEXT], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens(added or [])
    return tokenizer


def put(tokenizer: Tokenizer, folder: Path) -> Path:
    """A tokenizer folder as a run prepares it."""
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END_OF_TEXT}))
    return folder


@pytest.fixture(scope="module", params=["own", "bloom", "nfc"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Tokenizer]:
    """The fast encoder of a tokenizer trained here, and the same by Hugging Face."""
    made = {
        "own": lambda: train_bpe(iter(CORPUS), 500),
        "bloom": lambda: byte_level(BLOOM),
        "nfc": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC()),
    }
    folder = put(made[request.param](), tmp_path_factory.mktemp("tokenizer"))
    assert unfit(folder) is None
    return Encoder(folder, FAST), load_tokenizer(folder)[0]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TEXTS, max_size=5))
def test_ids_and_starts_of_any_text(trained: tuple[Encoder, Tokenizer], texts: list[str]) -> None:
    encoder, reference = trained
    ids, offsets = encoder.encode(texts)
    assert offsets[-1] == len(ids)
    for text, begin, end in zip(texts, offsets, offsets[1:], strict=False):
        expected = reference.encode(text, add_special_tokens=False)
        assert ids[begin:end].tolist() == expected.ids
        assert span_list(encoder, text, ids[begin:end]) == expected.offsets


def test_odd_texts(trained: tuple[Encoder, Tokenizer]) -> None:
    encoder, reference = trained
    ids, offsets = encoder.encode(ODD)
    for text, begin, end in zip(ODD, offsets, offsets[1:], strict=False):
        assert ids[begin:end].tolist() == reference.encode(text, add_special_tokens=False).ids


def test_trimmed_offsets_are_hugging_faces(tmp_path: Path) -> None:
    """GPT-2's post-processor moves a token's start behind its space."""
    from tokenizers.processors import ByteLevel

    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.post_processor = ByteLevel(trim_offsets=True)
    encoder, text = Encoder(put(tokenizer, tmp_path), FAST), "a white cup 白瓷 茶杯"
    expected = tokenizer.encode(text, add_special_tokens=False)
    ids, _ = encoder.encode([text])
    assert span_list(encoder, text, ids) == expected.offsets


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Tokenizer]:
    """Both encoders of the Qwen2 tokenizer."""
    import os

    if not (shared := os.environ.get("ECOMCT_SHARED")):
        pytest.skip("ECOMCT_SHARED is not set: real data is not here")
    file = Path(shared) / "data/tokenizer/qwen2/tokenizer.json"
    folder = put(Tokenizer.from_file(str(file)), tmp_path_factory.mktemp("qwen"))
    assert unfit(folder) is None
    return Encoder(folder, FAST), load_tokenizer(folder)[0]


@settings(max_examples=500, deadline=None)
@given(text=TEXTS)
def test_ids_and_starts_of_a_real_tokenizer(qwen: tuple[Encoder, Tokenizer], text: str) -> None:
    encoder, reference = qwen
    expected = reference.encode(text, add_special_tokens=False)
    ids, _ = encoder.encode([text])
    assert ids.tolist() == expected.ids
    assert span_list(encoder, text, ids) == expected.offsets


def test_every_character_by_a_real_tokenizer(qwen: tuple[Encoder, Tokenizer]) -> None:
    encoder, _ = qwen
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [*ODD, *("".join(characters[start : start + 48]) for start in range(0, len(characters), 48))]
    (ids, offsets), (expected, ends) = encoder.encode(texts), encoder.reference(texts)
    assert np.array_equal(ids, expected)
    assert np.array_equal(offsets, ends)


@pytest.mark.parametrize(
    ("tokenizer", "reason"),
    [
        (lambda: byte_level(pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel()])), "Punctuation"),
        (lambda: byte_level(pre_tokenizers.ByteLevel(), normalizers.NFKC()), "NFKC"),
        (lambda: byte_level(pre_tokenizers.Split(" ", "isolated")), "not byte-level"),
        (lambda: byte_level(pre_tokenizers.ByteLevel(), added=[AddedToken("x", rstrip=True)]), "'x'"),
        (lambda: Tokenizer(models.Unigram([("a", 0.0)], 0)), "Unigram"),
        (lambda: Tokenizer(models.BPE({"a": 0}, [], dropout=0.1)), "dropout"),
    ],
)
def test_an_unknown_tokenizer_is_not_tried(tmp_path: Path, tokenizer: Callable[[], Tokenizer], reason: str) -> None:
    found = unfit(put(tokenizer(), tmp_path))
    assert found is not None
    assert reason in found


def without_bytes() -> Tokenizer:
    """A vocabulary in which some bytes have no token: Hugging Face leaves them out, the fast encoder cannot go on."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        ["red green"], trainers.BpeTrainer(vocab_size=40, special_tokens=[END_OF_TEXT], show_progress=False)
    )
    return tokenizer


def test_hugging_face_encodes_all_where_the_fast_encoder_fails(shop: Shop, tmp_path: Path) -> None:
    """The fallback is seen in the measures, and its shards are those of a run by Hugging Face alone."""
    file = put(without_bytes(), tmp_path / "tokenizer") / "tokenizer.json"
    assert unfit(file.parent) is None
    made = {"tokenizer": {"path": str(file), "eos": END_OF_TEXT, "verify": 1.0}}
    folders = {}
    for encoder, workers in (("auto", 1), ("auto", 3), ("huggingface", 1)):
        recipe = shop({"tokenizer": made["tokenizer"] | {"encoder": encoder}})
        runs = tmp_path / f"{encoder}-{workers}"
        folders[encoder, workers] = run_recipe(load_recipe(recipe), runs, "tokenize", workers=workers).folder / "tokens"
    digests = [{path.name: file_digest(path) for path in sorted((folder / "shards").iterdir())} for folder in folders.values()]
    assert digests[0] == digests[1] == digests[2]
    measures = [json.loads((folder / "measures.json").read_text())["encoder"] for folder in folders.values()]
    assert measures[0] == measures[1]
    assert (measures[0]["name"], measures[2]["name"]) == (REFERENCE, REFERENCE)
    assert FAST in measures[0]["reason"]
    assert "recipe" in measures[2]["reason"]


def test_a_shard_with_another_id_says_the_row_and_writes_nothing(shop: Shop, tmp_path: Path) -> None:
    """Without a pre-tokenizer the fast encoder opens and really gives other ids."""
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    config = json.loads(tokenizer.to_str()) | {"pre_tokenizer": None}
    folder = put(Tokenizer.from_str(json.dumps(config)), tmp_path / "tokenizer")
    assert unfit(folder) == "not byte-level"
    made = {"path": str(folder / "tokenizer.json"), "eos": END_OF_TEXT}
    run = run_recipe(load_recipe(shop({"tokenizer": made})), tmp_path / "runs", "link").folder
    out = tmp_path / "out"
    task = EncodeTask(run / "documents/shards", run / "links/shards", out, folder, 127, 1, FAST, 1.0, 17)
    found = {path.stem: encode_shard(task, path.stem) for path in sorted(task.documents.iterdir())}
    faults = {shard: facts["fault"] for shard, facts in found.items() if "fault" in facts}
    assert faults
    for shard, fault in faults.items():
        assert fault["row"] is not None
        assert str(fault["row"]) in fault["reason"]
        assert not (out / f"{shard}.parquet").exists()
        assert "fault" not in encode_shard(replace(task, encoder=REFERENCE), shard)


def test_a_run_says_what_it_compared(shop: Shop, tmp_path: Path) -> None:
    """All texts compared, none compared: the same shards, and counts that say so."""
    found = []
    for share in (0.0, 0.5, 1.0):
        folder = run_recipe(load_recipe(shop({"tokenizer.verify": share})), tmp_path / str(share), "tokenize").folder / "tokens"
        measures = json.loads((folder / "measures.json").read_text())
        assert measures["encoder"]["name"] == FAST
        texts = sum(volume["documents"] for source in measures["sources"].values() for volume in source["language"].values())
        found.append((measures["encoder"]["verified"], {path.name: file_digest(path) for path in (folder / "shards").iterdir()}))
    assert found[0][0] == 0
    assert 0.3 * texts < found[1][0] < 0.7 * texts
    assert found[2][0] == texts
    assert found[0][1] == found[1][1] == found[2][1]


def test_a_file_that_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    folder = put(byte_level(pre_tokenizers.ByteLevel()), tmp_path)
    config = json.loads((folder / "tokenizer.json").read_text())
    config["pre_tokenizer"]["type"] = "Unheard"
    (folder / "broken").mkdir()
    (folder / "broken" / "tokenizer.json").write_text(json.dumps(config))
    assert unfit(folder / "broken") == "pre-tokenizer Unheard"
    (folder / "tokenizer.json").write_text(
        json.dumps(config | {"pre_tokenizer": {"type": "Punctuation", "behavior": "Isolated"}})
    )
    with pytest.raises(InexactError, match="cannot open"):
        Encoder(folder, FAST)
