"""Tuned models: adapters merge exactly, a killed tuning ends in the same bytes, and a whole run tunes and asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from instruction_files import write_lines
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.recipe.tuning import Lora
from ecomct.training.lora import add_adapters, load_adapters, merged_state
from ecomct.training.model import open_folder, save_weights
from ecomct.training.run import train_arm
from ecomct.tuning.encode import Encoded
from ecomct.tuning.pack import pack_epochs, write_sequences

KINDS: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "llama": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 1},
}


def fresh(kind: str) -> PreTrainedModel:
    torch.manual_seed(5)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=97, **KINDS[kind]))
    return model.float().eval()


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    """Sixteen sequences in which the answer repeats the question's last word."""
    generator = np.random.default_rng(2)
    examples = []
    for _ in range(80):
        asked = generator.integers(2, 97, int(generator.integers(3, 9))).tolist()
        examples.append(Encoded([*asked, asked[-1], 1], [len(asked), len(asked) + 2], 0))
    identities = np.arange(80, dtype=np.uint64)
    packed = pack_epochs([len(one.ids) for one in examples], identities, 48, 1, 3)
    write_sequences(tmp_path / "sequences", packed, examples, identities, 48, 1)
    return tmp_path / "sequences"


def recipe_of(**training: Any) -> Recipe:
    settings = {"batch_size": 2, "micro_batch_size": 1, "learning_rate": 1e-2, "max_steps": 6, "threads": 1, **training}
    return Recipe.model_validate(
        {
            "name": "test",
            "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
            "tokenizer": {"path": "tokenizer"},
            "model": {"path": "model"},
            "training": settings,
        }
    )


@pytest.mark.parametrize("targets", [[], ["all-linear"]])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_merged_weights_compute_what_the_adapted_model_computes(kind: str, targets: list[str], tmp_path: Path) -> None:
    """And the saved model opens in stock transformers, its adapters in peft on top of the base, and here again."""
    from peft import PeftModel

    ids = torch.randint(97, (2, 12), generator=torch.Generator().manual_seed(0))
    model = fresh(kind)
    model.save_pretrained(tmp_path / "base")
    before = model(ids).logits
    settings = Lora(rank=3, alpha=7.0, targets=targets, dropout=0.5)
    add_adapters(model, settings, seed=1)
    assert torch.equal(model(ids).logits, before)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == (".lora_" in name)
            if ".lora_B." in name:
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(len(name)))
    wanted = model(ids).logits
    assert float((wanted - before).abs().max()) > 0.01
    assert set(merged_state(model)) == set(fresh(kind).state_dict())

    save_weights(model, tmp_path / "tuned")
    scale = float(wanted.abs().max())
    stock = AutoModelForCausalLM.from_pretrained(tmp_path / "tuned").eval()
    assert float((stock(ids).logits - wanted).abs().max()) <= 1e-5 * scale
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "base"), tmp_path / "tuned/lora")
    assert float((theirs.eval()(input_ids=ids).logits - wanted).abs().max()) <= 2e-6 * max(1.0, scale)
    again = fresh(kind)
    add_adapters(again, settings, seed=2)
    load_adapters(again, tmp_path / "tuned")
    assert torch.equal(again(ids).logits, wanted)


def test_lora_trains_its_adapters_and_nothing_else(sequences: Path, tmp_path: Path) -> None:
    fresh("bloom").save_pretrained(tmp_path / "base")
    out = tmp_path / "tuned"
    facts = train_arm(recipe_of(max_steps=8), "base+tuned", sequences, tmp_path / "base", out, adapter=Lora(rank=4))
    assert facts["last_loss"] < facts["first_loss"]
    base, tuned = load_file(tmp_path / "base/model.safetensors"), load_file(out / "model/model.safetensors")
    changed = {name for name in base if not torch.equal(base[name], tuned[name])}
    assert changed == {name for name in base if name.endswith("query_key_value.weight")}
    adapters = load_file(out / "model/lora/adapter_model.safetensors")
    for name in changed:
        pair = [adapters[f"base_model.model.{name.removesuffix('weight')}lora_{side}.weight"] for side in "AB"]
        delta = 32.0 / 4 * pair[1] @ pair[0]
        assert torch.allclose(base[name] + delta, tuned[name], rtol=0, atol=1e-6)
    assert {type(module).__name__ for module in open_folder(out / "model", "model").modules()}.isdisjoint({"LoraLayer"})


def test_adapters_train_in_two_processes_as_in_one(sequences: Path, tmp_path: Path) -> None:
    """DDP on this machine: the adapters are part of the job, and the merged weights agree to rounding."""
    fresh("bloom").save_pretrained(tmp_path / "base")
    weights = []
    for processes in (1, 2):
        out = tmp_path / f"tuned-{processes}"
        recipe = recipe_of(max_steps=3, parallel={"processes": processes})
        facts = train_arm(recipe, "base+tuned", sequences, tmp_path / "base", out, adapter=Lora(rank=4))
        assert facts["parallel"]["processes"] == processes
        weights.append(load_file(out / "model/model.safetensors"))
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], rtol=0, atol=1e-5), name


def test_targets_that_name_no_layer_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tuning\.lora\.targets: Target modules .*nothing"):
        add_adapters(fresh("bloom"), Lora(targets=["nothing"]), 1)


@pytest.mark.parametrize("adapter", [None, Lora(rank=2, dropout=0.2)], ids=["full", "lora"])
def test_a_killed_tuning_ends_in_the_bytes_of_an_undisturbed_one(adapter: Lora | None, sequences: Path, tmp_path: Path) -> None:
    """SIGKILL at random touches of the run's files, in real processes."""
    fresh("bloom").save_pretrained(tmp_path / "base")
    runner = Path(__file__).parent / "kill_runner.py"
    given = [recipe_of(max_steps=4, save_every=2).model_dump_json(), adapter.model_dump_json() if adapter else ""]
    command = [sys.executable, str(runner), *given, str(sequences), str(tmp_path / "base"), str(tmp_path / "runs")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["kills"] >= 2
    trees = said["trees"]
    assert "model/model.safetensors" in trees["calm"]
    assert ("checkpoints/step-2/lora/adapter_model.safetensors" in trees["calm"]) == (adapter is not None)
    for name, tree in trees.items():
        assert tree == trees["calm"], name


def test_a_whole_run_tunes_and_asks(shop: Callable[..., Path], tmp_path: Path) -> None:
    """Through the command line: models, scores of tuned beside the others, ledger, and nothing to do the second time."""
    home = shop(folder="shop").parent
    asked = [{"prompt": f"Color of {n}?", "completion": ("red", "blue")[n % 2]} for n in range(30)]
    write_lines(home / "colors.jsonl", asked)
    write_lines(home / "titles.jsonl", [{"prompt": f"Write {n}", "completion": "A title"} for n in range(5)])
    recipe = shop(
        {
            "training.arms": ["mixed"],
            "tuning": {
                "batch_size": 2,
                "learning_rate": 1e-3,
                "models": ["mixed"],
                "save_every": 1,
                "max_steps": 2,
                "method": "lora",
                "sets": {
                    "colors": {"path": "colors.jsonl", "scorer": "choice", "test_share": 0.3},
                    "titles": {"path": "titles.jsonl", "role": "held-out", "max_new_tokens": 4},
                },
            },
        }
    )
    command = [sys.executable, "-m", "ecomct", "run", str(recipe), "--runs", "runs", "--workers", "1"]
    # The folder of the runs is not that of the recipe.
    first = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    run = tmp_path / "runs/shop"
    scores = json.loads((run / "evaluation/scores.json").read_text())
    models = ["base", "mixed@3", "mixed+tuned@1", "mixed+tuned@2"]
    assert [model["model"] for model in scores["models"]] == models
    assert set(scores["tasks"]) == {"colors", "titles"}
    assert all(set(model["tasks"]) == {"colors", "titles"} for model in scores["models"])
    ledger = json.loads((run / "ledger.json").read_text())["stages"]["tune"]
    assert ledger["titles"]["leftovers"] == {"held_out": 5}
    open_folder(run / "tuning/mixed/model", "model")
    assert (run / "tuning/mixed/model/tokenizer.json").is_file()
    assert "mixed+tuned" in (run / "report/index.html").read_text()
    second = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("up to date") == len(second.stdout.splitlines()) - 1
