"""The shipped recipes of the paper: Table 2's values, the whole way at a toy size, and pinned digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import AutoConfig, AutoModelForCausalLM
from typer.testing import CliRunner

from ecomct.check import file_problems
from ecomct.cli import app
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe
from ecomct.training.digests import folder_digest, unlike_bloom, unpinned

ROOT = Path(__file__).parent.parent.parent
RECIPES = ROOT / "recipes"
SHOP = ROOT / "examples/shop"


@pytest.fixture(autouse=True)
def _folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOMCT_MODELS", "/somewhere/models")
    monkeypatch.setenv("ECOMCT_DATA", "/somewhere/data")


@pytest.mark.parametrize(("size", "rate"), [("3b", 3e-5), ("7b", 2e-5)])
def test_table_2(size: str, rate: float) -> None:
    recipe = load_recipe(RECIPES / f"ecomgpt-ct-{size}.yaml")
    training = recipe.training
    assert training.learning_rate == rate
    assert (training.batch_size, recipe.sequences.length) == (2048, 2048)
    assert (training.adam_betas, training.weight_decay, training.precision) == ((0.9, 0.95), 0.1, "bf16")
    assert (training.parallel.strategy, training.parallel.offload) == ("zero2", "optimizer")
    assert (recipe.blend.general_per_domain, recipe.blend.languages) == (2, {"zh": 1, "en": 1})
    assert {source.adapter for source in recipe.sources.values()} >= {"amazon-2023", "wudao", "refinedweb"}


def test_every_setting_that_the_paper_leaves_out_is_marked() -> None:
    papers = {
        "arms", "batch_size", "learning_rate", "adam_betas", "weight_decay", "precision", "parallel", "strategy", "offload",
    }  # fmt: skip
    for size in ("3b", "7b"):
        text = (RECIPES / f"ecomgpt-ct-{size}.yaml").read_text(encoding="utf-8")
        part = text[text.index("\ntraining:") : text.index("\nevaluation:")]
        for line in part.splitlines()[2:]:
            name = line.split(":")[0].strip()
            assert (name in papers) != ("# ours" in line), line


def test_the_3b_recipe_runs_the_whole_way_at_a_toy_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own sources over the shipped shop's files, its own settings, a toy BLOOM and one process in their places."""
    data = tmp_path / "data"
    for folder, links in {
        "amazon-2023": {"meta_harbor.jsonl": "harbor/meta_harbor.jsonl", "reviews_harbor.jsonl": "harbor/reviews_harbor.jsonl"},
        "shop-zh": {"products.jsonl": "qinghe/products.jsonl", "reviews.jsonl.gz": "qinghe/reviews.jsonl.gz"},
        "wudao": {"part.jsonl.gz": "general/general_zh.jsonl.gz"},
        "refinedweb": {"part.jsonl.gz": "general/general_en.jsonl.gz"},
    }.items():
        (data / folder).mkdir(parents=True)
        for name, target in links.items():
            (data / folder / name).symlink_to(SHOP / "data" / target)
    monkeypatch.setenv("ECOMCT_DATA", str(data))
    document: dict[str, Any] = yaml.safe_load((RECIPES / "ecomgpt-ct-3b.yaml").read_text(encoding="utf-8"))
    document["tokenizer"] = {"train_vocab": 600}
    document["sequences"]["length"] = 256
    document["model"] = {"config": {"model_type": "bloom", "hidden_size": 32, "n_layer": 1, "n_head": 2}}
    document["training"] |= {"batch_size": 8, "max_steps": 2, "warmup_steps": 1, "arms": ["mixed"], "threads": 1}
    document["training"]["parallel"] = {"strategy": "auto"}
    document["evaluation"]["max_documents"] = 2
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    run = run_recipe(load_recipe(tmp_path / "toy.yaml"), tmp_path / "runs", "train", None, 1)
    facts = run.facts(run.training / "mixed")
    assert (facts["steps"], facts["precision"]) == (2, "bf16")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    AutoModelForCausalLM.from_config(
        AutoConfig.for_model("bloom", hidden_size=16, n_layer=1, n_head=2, vocab_size=448)
    ).save_pretrained(folder)
    return folder


def test_digests_are_pinned_by_folder_or_file(model_folder: Path, shop: Callable[..., Path]) -> None:
    names = sorted(file.name for file in model_folder.iterdir())
    digests = {name: hashlib.sha256((model_folder / name).read_bytes()).hexdigest() for name in names}
    whole = folder_digest(model_folder)
    assert whole == hashlib.sha256("".join(f"{digests[name]}  {name}\n" for name in names).encode()).hexdigest()

    def problems(pinned: Any) -> list[str]:
        return file_problems(load_recipe(shop({"model": {"path": str(model_folder), "sha256": pinned}})))

    assert problems(whole) == problems(digests) == []
    assert unpinned(load_recipe(shop({"model": {"path": str(model_folder)}})))[0].endswith(f"sha256: {whole}")
    weights = model_folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    for pinned, place in ((whole, "model.sha256: "), (digests, "model.sha256.model.safetensors: ")):
        (said,) = problems(pinned)
        assert said.startswith(place)
        assert "pins" in said
    (said,) = problems({"other.safetensors": whole})
    assert "no such file" in said


@pytest.mark.parametrize("pinned", ["abc", {"model.safetensors": "ABC"}])
def test_what_is_no_digest_is_refused(pinned: Any, shop: Callable[..., Path]) -> None:
    done = CliRunner().invoke(app, ["check", str(shop({"model": {"path": "model", "sha256": pinned}}))])
    assert done.exit_code == 2
    assert "is no digest" in done.output


def test_a_bloom_that_is_not_the_published_one_is_noticed(tmp_path: Path, shop: Callable[..., Path]) -> None:
    folder = tmp_path / "bloom"
    AutoConfig.for_model("bloom", hidden_size=2560, n_layer=29, n_head=32, vocab_size=250_880).save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"")
    said = unlike_bloom(load_recipe(shop({"model": {"path": str(folder)}})))
    assert any("n_layer 30, this one 29" in line for line in said)
    assert any("tokenizer" in line for line in said)
