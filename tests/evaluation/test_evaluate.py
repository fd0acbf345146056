from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, BloomConfig, BloomForCausalLM

from ecomct.errors import InputError
from ecomct.evaluation.run import HeldOutDocument, evaluate, list_models, table
from ecomct.evaluation.workload import build_workload, sequence_limit
from ecomct.recipe.model import Recipe

EOS = "<|endoftext|>"
TEXTS = ["红色连衣裙 新款 2021", "a red dress, new in 2021", "品牌#:#爱花居#;#颜色#:#红", "match not match", "### Response:"]


def write_tokenizer(folder: Path) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=330, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False)
    )
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": EOS, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_model(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    BloomForCausalLM(BloomConfig(vocab_size=336, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3)).save_pretrained(
        folder
    )


def write_task(folder: Path, rows: list[dict[str, Any]], labels: list[str], instruction: str) -> None:
    folder.mkdir(parents=True)
    meta = {"task": folder.name, "defi": "d", "label_set": {"en": labels}, "label_key": "en", "label_sep": ", "}
    (folder / "meta-info.json").write_text(json.dumps(meta | {"test_prompt": {"instruction": instruction}}))
    (folder / "test.json").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder after training, with three task folders beside it."""
    run = tmp_path_factory.mktemp("run")
    write_tokenizer(run / "tokens" / "tokenizer")
    write_model(run / "training/base/model", 0)
    for seed, arm in enumerate(("mixed", "general"), 1):
        write_model(run / f"training/{arm}/model", seed)
        (run / f"training/{arm}/metrics.jsonl").write_text('{"step": 1}\n{"step": 40}\n')
    write_model(run / "training/mixed/checkpoints/step-5", 3)
    write_model(run / "training/mixed/checkpoints/step-20", 4)
    write_model(run / "training/mixed/checkpoints/step-40", 5)
    ask = "{sentences}\n{label_set}\n### Response:"
    write_task(
        run / "tasks/ZH-T-CLS-match",
        [{"sentences": f"标题 {i % 11}", "labels": {"en": ["match" if i % 3 else "not match"]}} for i in range(14)],
        ["not match", "match"],
        ask,
    )
    spans = [{"sentences": f"红裙 {i}", "spans": [{"type": "颜色", "term": "红"}]} for i in range(6)]
    write_task(run / "tasks/ZH-T-NER-values", spans, ["颜色", "材质"], ask)
    titles = [{"sentences": f"颜色#:#红{i}#;#款#:#裙", "spans": [{"term": f"红{i}色裙"}]} for i in range(6)]
    titles[0]["sentences"] = "长" * 200
    write_task(run / "tasks/ZH-T-Generate-title", titles, ["-"], ask)
    return run


def recipe_for(run: Path, **evaluation: Any) -> Recipe:
    tasks = {
        "tam": {"path": str(run / "tasks/ZH-T-CLS-match"), "scorer": "choice"},
        "ave": {"path": str(run / "tasks/ZH-T-NER-values"), "scorer": "spans", "max_new_tokens": 8},
        "tig": {"path": str(run / "tasks/ZH-T-Generate-title"), "scorer": "rouge", "max_new_tokens": 6},
    }
    return Recipe.model_validate(
        {
            "name": "t",
            "sources": {"s": {"path": "s.jsonl", "kind": "title"}},
            "tokenizer": {"train_vocab": 330},
            "model": {"config": {"model_type": "bloom"}},
            "sequences": {"length": 128},
            "training": {"arms": ["general", "mixed"], "threads": 1},
            "evaluation": {"tasks": tasks, "max_items": 10, "max_documents": 5, "batch_size": 4} | evaluation,
        }
    )


def documents() -> list[HeldOutDocument]:
    zh = [HeldOutDocument("titles", "zh", i, f"红色连衣裙 第{i}款") for i in range(9)]
    en = [HeldOutDocument("web", "en", 100 + i, f"a red dress number {i}" + " again" * (40 * (i == 2))) for i in range(3)]
    return [*zh, *en, HeldOutDocument("web", "zh", 200, f"新款{EOS}红")]


def test_models_are_listed_by_arm_and_step(run: Path) -> None:
    names = [entry.name for entry in list_models(recipe_for(run), run)]
    assert names == ["base", "general@40", "mixed@5", "mixed@20", "mixed@40"]
    entries = {entry.name: entry for entry in list_models(recipe_for(run, checkpoints="last"), run)}
    assert list(entries) == ["base", "general@40", "mixed@40"]
    assert entries["mixed@40"].folder == run / "training/mixed/model"
    assert (entries["mixed@40"].arm, entries["mixed@40"].step) == ("mixed", 40)


def test_a_missing_model_is_named(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "training", tmp_path / "training")
    (tmp_path / "training/mixed/checkpoints/step-5/config.json").unlink()
    with pytest.raises(InputError, match=r"step-5: no model mixed@5 there; run the training stage first"):
        list_models(recipe_for(run), tmp_path)
    (tmp_path / "training/general/metrics.jsonl").write_text("")
    with pytest.raises(InputError, match=r"general/metrics\.jsonl: its last line names no step"):
        list_models(recipe_for(run), tmp_path)


def test_workload_is_capped_cut_and_told(run: Path) -> None:
    recipe = recipe_for(run)
    tokenizer = AutoTokenizer.from_pretrained(run / "tokens/tokenizer")
    work = build_workload(recipe, tokenizer, documents(), 128)
    assert [(d.source, d.language) for d in work.documents].count(("titles", "zh")) == 5
    assert [d.row for d in work.documents] == sorted(d.row for d in work.documents)
    again = build_workload(recipe, tokenizer, documents()[::-1], 128)
    assert again.digest == work.digest
    for document in work.documents:
        assert len(document.ids) <= 128
        assert document.cut == (document.ids[-1] != tokenizer.eos_token_id) == (document.row == 102)
    spelt = work.documents[-1]
    assert spelt.row == 200
    assert spelt.ids.count(tokenizer.eos_token_id) == 1, "an end-of-text marker inside a text is plain characters"
    title = work.tasks["tig"]
    assert title.truncated == 1
    assert max(map(len, title.prompts)) == title.limit == 122
    assert str(tokenizer.decode(title.prompts[0])).endswith("### Response:")
    assert work.tasks["tam"].items[0].line == min(item.line for item in work.tasks["tam"].items)
    assert any("1 of 9 documents were cut" in note for note in work.notes)
    assert any(note.startswith("tam: 3 of 14 rows repeat") for note in work.notes)
    assert any(note.startswith("tig: 1 of 6 prompts were longer than 122") for note in work.notes)
    misfit = recipe_for(run, tasks={"x": {"path": str(run / "tasks/ZH-T-CLS-match"), "scorer": "spans"}})
    with pytest.raises(InputError, match="judges tasks of type NER"):
        build_workload(misfit, tokenizer, [], 128)
    with pytest.raises(InputError, match="leaves no room in sequences of 8"):
        build_workload(recipe, tokenizer, [], 8)


def test_characters_and_position_limit(run: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokens/tokenizer")
    text = "a red dress, new in 2021"
    work = build_workload(recipe_for(run, tasks={}), tokenizer, [HeldOutDocument("s", "en", 1, text)], 128)
    first = tokenizer.decode(work.documents[0].ids[:1])
    assert work.documents[0].characters == len(text) - len(first)
    assert sequence_limit(128, [run / "training/base/model"]) == 128
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 64}')
    assert sequence_limit(128, [run / "training/base/model", tmp_path]) == 64


@pytest.fixture(scope="module")
def outcome(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, list[tuple[str, int, int]]]:
    out = tmp_path_factory.mktemp("evaluation")
    seen: list[tuple[str, int, int]] = []
    return evaluate(recipe_for(run), run, out, documents(), lambda *args: seen.append(args)), out, seen


def test_scores(run: Path, outcome: tuple[dict[str, Any], Path, list[tuple[str, int, int]]]) -> None:
    scores, out, seen = outcome
    assert scores == json.loads((out / "scores.json").read_bytes())
    assert [model["model"] for model in scores["models"]] == ["base", "general@40", "mixed@5", "mixed@20", "mixed@40"]
    assert seen[-1] == ("mixed@40", 31, 31)
    assert [done for name, done, _ in seen if name == "base"] == sorted(done for name, done, _ in seen if name == "base")
    base = scores["models"][0]
    assert base["held_out"].keys() == {"titles", "web"}
    assert base["held_out"]["web"].keys() == {"en", "zh"}
    assert base["held_out"]["web"]["zh"]["stderr"] is None
    assert base["held_out_by_language"]["zh"]["documents"] == 6
    assert len({model["held_out_by_language"]["zh"]["loss"] for model in scores["models"]}) == 5
    tam = base["tasks"]["tam"]
    assert (tam["metric"], tam["items"]) == ("accuracy", 10)
    assert sum(tam["predicted"].values()) == pytest.approx(1)
    assert 0 <= tam["low"] <= tam["value"] <= tam["high"] <= 1
    assert base["tasks"]["ave"].keys() >= {"precision", "recall", "macro_precision", "macro_recall", "macro_f1", "exact_match"}
    assert base["tasks"]["tig"]["by_definition"].keys() == {"zh", "characters", "rouge_score", "ecomgpt"}
    assert base["tasks"]["tig"]["by_definition"]["zh"] == base["tasks"]["tig"]["value"]
    assert scores["baselines"]["tam"].keys() == {"majority (match)", "always not match"}
    majority = scores["baselines"]["tam"]["majority (match)"]["value"]
    assert majority + scores["baselines"]["tam"]["always not match"]["value"] == pytest.approx(1)
    assert scores["tasks"]["tig"]["truncated_prompts"] == {"prompts": 1, "limit": 122}
    held = json.loads((out / "models/base.json").read_bytes())
    ave = held["items"]["ave"]
    assert all(item["numerator"] == 2 * item["matched"] for item in ave)
    assert sum(item["numerator"] for item in held["items"]["tam"]) / 10 == tam["value"]


def test_held_out_loss_equals_the_models_own(run: Path, outcome: tuple[dict[str, Any], Path, Any]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokens/tokenizer")
    model: Any = AutoModelForCausalLM.from_pretrained(run / "training/base/model", dtype=torch.float32).eval()
    nats, tokens, characters = 0.0, 0, 0
    with torch.no_grad():
        for document in documents():
            if document.language != "en":
                continue
            ids = torch.tensor([(tokenizer(document.text)["input_ids"] + [tokenizer.eos_token_id])[:128]])
            nats += float(model(ids, labels=ids).loss) * (ids.shape[1] - 1)
            tokens += ids.shape[1] - 1
            spelt = tokenizer.decode(ids[0, 1:].tolist(), skip_special_tokens=True)
            characters += len(spelt)
    found = outcome[0]["models"][0]["held_out_by_language"]["en"]
    assert found["tokens"] == tokens
    assert found["loss"] == pytest.approx(nats / tokens, abs=1e-5)
    assert found["bits_per_character"] == pytest.approx(nats / math.log(2) / characters, abs=1e-4)


def test_finished_models_are_kept_and_bytes_are_stable(
    run: Path, outcome: tuple[dict[str, Any], Path, Any], tmp_path: Path
) -> None:
    _, out, _ = outcome
    (tmp_path / "models").mkdir()
    for name in ("base", "general@40"):
        shutil.copy(out / "models" / f"{name}.json", tmp_path / "models")
    # What a kill leaves behind of a model in progress, and an answer to other questions.
    (tmp_path / "models" / ".mixed@5.json.1.tmp").write_text("{")
    (tmp_path / "models" / "mixed@20.json").write_text('{"questions": "other"}')
    seen: list[tuple[str, int]] = []
    before = (tmp_path / "models" / "base.json").stat().st_mtime_ns
    evaluate(recipe_for(run), run, tmp_path, documents(), lambda name, done, total: seen.append((name, done)))
    assert (tmp_path / "models" / "base.json").stat().st_mtime_ns == before
    assert [done for name, done in seen if name in ("base", "general@40")] == [31, 31], "taken as they are, not scored"
    assert len([done for name, done in seen if name == "mixed@20"]) > 1
    assert (tmp_path / "scores.json").read_bytes() == (out / "scores.json").read_bytes()
    for path in (out / "models").iterdir():
        assert path.read_bytes() == (tmp_path / "models" / path.name).read_bytes()


def test_batch_size_does_not_move_the_scores(run: Path, outcome: tuple[dict[str, Any], Path, Any], tmp_path: Path) -> None:
    other = evaluate(recipe_for(run, batch_size=1, checkpoints="last"), run, tmp_path, documents())
    wanted = {model["model"]: model for model in outcome[0]["models"]}
    for model in other["models"]:
        for language, loss in model["held_out_by_language"].items():
            assert loss["loss"] == pytest.approx(wanted[model["model"]]["held_out_by_language"][language]["loss"], abs=2e-6)
        assert model["tasks"] == wanted[model["model"]]["tasks"]


def test_a_diverged_model_is_a_finding(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    weights = tmp_path / "run/training/mixed/model/model.safetensors"
    broken = {name: value * float("nan") for name, value in load_file(weights).items()}
    save_file(broken, weights, metadata={"format": "pt"})
    scores = evaluate(recipe_for(run, checkpoints="last"), tmp_path / "run", tmp_path / "out", documents())
    assert scores["models"][-1]["held_out_by_language"]["zh"]["loss"] is None
    assert "mixed@40: the held-out loss is not finite; its training diverged" in scores["notes"]
    assert "NaN" not in (tmp_path / "out/scores.json").read_text()
    assert table(scores)[3][1] == "not finite"
    lost = [entry for entry in scores["differences"]["models"] if entry["verdict"] == "not finite"]
    assert [(entry["model"], entry["of"], entry["p_adjusted"]) for entry in lost] == [
        ("mixed@40", "zh", None),
        ("mixed@40", "en", None),
    ]


def test_table(outcome: tuple[dict[str, Any], Path, Any]) -> None:
    rows = table(outcome[0])
    assert rows[0] == ["model", "loss zh", "loss en", "ave F1 %", "tam accuracy %", "tig ROUGE-L %"]
    assert [row[0] for row in rows[1:6]] == ["base", "general@40", "mixed@5", "mixed@20", "mixed@40"]
    assert len({len(row) for row in rows if len(row) > 1}) == 1
    assert " ± " in rows[1][1]
    assert rows[6][0] == "ave: all None"
    assert rows[6][1:] == ["", "", "0.0 ± 0.0", "", ""]
    names = [row[0] for row in rows if " - " in row[0]]
    arms = ["general@40", "mixed@40"]
    assert names == [f"{arm} - base" for arm in arms] + [f"{arm} - best trivial" for arm in ("base", *arms)]
    first = next(row for row in rows if row[0] == "general@40 - base")
    assert re.fullmatch(r"[-+]\d\.\d{3} \[[-+]\d\.\d{3}, [-+]\d\.\d{3}\]\n(better|worse|no evidence)", first[1])
    last = next(row for row in rows if row[0] == "base - best trivial")
    assert last[1:3] == ["", ""], "no trivial answer has a loss"
    assert all(last[3:])
