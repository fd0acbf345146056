"""Does tuning on real instruction data improve the tasks that it holds, and those that it does not?

    ECOMCT_SHARED=... python benchmarks/tuning.py [--examples 600] [--epochs 3] [--items 120] [--method full] [--out FOLDER]

A small random BLOOM first learns from product descriptions (AdvertiseGen): the base. It is then tuned on data sets
of EcomInstruct's training part (entities, addresses, intents) and AG News. Both are asked the tests of these and tasks of
EcomInstruct that were held out. The difference has a paired bootstrap interval over items (95 %, 10,000 draws). One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _figures import Watch, machine, markdown
from _instruction_sets import SETS, shop_texts, write_sets

from ecomct.atomic import write_json
from ecomct.evaluation.run import evaluate
from ecomct.recipe.model import Recipe
from ecomct.tokens.tokenizer import END_OF_TEXT, load_tokenizer, train_bpe
from ecomct.training.model import write_base
from ecomct.training.run import train_arm
from ecomct.tuning.encode import encode_examples
from ecomct.tuning.examples import Example, Turn, task_examples
from ecomct.tuning.pack import pack_epochs, write_sequences
from ecomct.tuning.prepare import prepare_tuning
from ecomct.tuning.questions import tuning_tasks

LENGTH = 512
HELD_OUT = {
    "ave": ("MEPAVE/tasks/ZH-MEPAVE-NER-attribute_value_extraction", 96),
    "tam": ("OpenBG_Align/tasks/ZH-OpenBG_Align-CLS-title_attribute_matching", 1),
    "pdc": ("OpenBG_Align/tasks/ZH-OpenBG_Align-CLS-item_coarse_classify", 1),
    "tig": ("OpenBG_Align/tasks/ZH-OpenBG_Align-Generate-title_generate", 40),
}


def make_recipe(bench: Path, folders: dict[str, Path], options: argparse.Namespace) -> Recipe:
    """The recipe of the comparison: only `model`, `training`, `tuning` and `evaluation` are used."""
    sets: dict[str, Any] = {name: {"path": str(path), "limit": options.examples} for name, path in folders.items()}
    if "ner" in sets:
        sets["ner"]["max_new_tokens"] = 64
    for name in options.held_out:
        path, tokens = HELD_OUT[name]
        sets[name] = {"path": str(bench / "ecominstruct" / path), "role": "held-out", "max_new_tokens": tokens}
    return Recipe.model_validate(
        {
            "name": "tuning",
            "sources": {"a": {"path": "a.jsonl", "kind": "title"}},
            "tokenizer": {"path": "tokenizer"},
            "sequences": {"length": LENGTH},
            "model": {"config": {"model_type": "bloom", "hidden_size": 128, "n_layer": 2, "n_head": 4}},
            "training": {"batch_size": 8, "micro_batch_size": 4, "learning_rate": 4e-3, "warmup_steps": 8, "threads": 1},
            "tuning": {
                "sets": sets,
                "models": ["base"],
                "method": options.method,
                "epochs": options.epochs,
                "batch_size": 8,
                "micro_batch_size": 4,
                "learning_rate": options.learning_rate if options.method == "full" else 20 * options.learning_rate,
                "warmup_steps": 8,
                "lora": {"targets": ["all-linear"]},
            },
            "evaluation": {"max_items": options.items, "checkpoints": "last"},
        }
    )


def prepare_base(recipe: Recipe, bench: Path, folders: dict[str, Path], run: Path) -> dict[str, Any]:
    """A tokenizer of the texts, and a small model that has read the descriptions once."""
    from ecomct.evaluation.ecominstruct import read_task

    texts = list(shop_texts(bench, 1000))
    prompts = [
        turn.text for path in folders.values() for one in task_examples(read_task(path, "train.json")) for turn in one.turns
    ]
    folder = run / "tokens/tokenizer"
    folder.mkdir(parents=True)
    train_bpe(iter(texts + prompts[::6]), 4000).save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END_OF_TEXT, "clean_up_tokenization_spaces": False}
    write_json(folder / "tokenizer_config.json", config)
    tokenizer, eos = load_tokenizer(folder)
    # All but the first character is learnt.
    examples = [Example(number, (Turn(text[:1], False), Turn(text[1:], True)), ()) for number, text in enumerate(texts)]
    encoded = [one for one in encode_examples(examples, tokenizer, eos, LENGTH, 0.0) if one is not None]
    identities = np.arange(len(encoded), dtype=np.uint64)
    packed = pack_epochs([len(one.ids) for one in encoded], identities, LENGTH, 2, recipe.seed)
    write_sequences(run / "texts", packed, encoded, identities, LENGTH, eos)
    write_base(recipe, folder, run / "random")
    return train_arm(recipe, "base", run / "texts", run / "random", run / "training/base")


def difference(before: list[dict[str, Any]], after: list[dict[str, Any]], seed: int = 17) -> tuple[float, float, float]:
    """After minus before of a ratio of sums over the same items, with the paired bootstrap's 95 % interval."""
    sums = np.array(
        [[b["numerator"], b["denominator"], a["numerator"], a["denominator"]] for b, a in zip(before, after, strict=True)]
    )
    weights = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=10_000)

    def value(total: Any) -> Any:
        ratio = np.divide(total[..., [0, 2]], total[..., [1, 3]], out=np.zeros_like(total[..., :2]), where=total[..., [1, 3]] > 0)
        return ratio[..., 1] - ratio[..., 0]

    low, high = np.percentile(value(weights @ sums), [2.5, 97.5])
    return float(value(sums.sum(axis=0))), float(low), float(high)


def rows(scores: dict[str, Any], items: list[dict[str, Any]], names: list[str], role: str) -> list[list[str]]:
    """A line a task: base, tuned, difference with its interval, items, the best trivial answer."""
    found = []
    base, tuned = scores["models"]
    for name in names:
        value, low, high = difference(items[0][name], items[1][name])
        trivial = max((one["value"], label) for label, one in scores["baselines"][name].items())
        metric = base["tasks"][name]["metric"]
        interval = f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        numbers = [f"{100 * model['tasks'][name]['value']:.1f}" for model in (base, tuned)]
        count = str(base["tasks"][name]["items"])
        found.append([name, role, metric, *numbers, interval, count, f"{100 * trivial[0]:.1f} ({trivial[1]})"])
    return found


def main() -> None:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=600, help="most examples learnt from a data set")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of full tuning; adapters take 20 times as much")
    parser.add_argument("--items", type=int, default=120, help="most items asked a task")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="data sets that are learnt")
    parser.add_argument("--held-out", nargs="+", choices=list(HELD_OUT), default=list(HELD_OUT), help="tasks only asked")
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--out", type=Path, help="keep the models here")
    options = parser.parse_args()
    shared = os.environ.get("ECOMCT_SHARED")
    if not shared:
        print("ECOMCT_SHARED is not set: the instruction data is not here; nothing to compare")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as temporary:
        compare(Path(shared) / "data/bench", options, options.out or Path(temporary))


def compare(bench: Path, options: argparse.Namespace, run: Path) -> None:
    """Base and tuned model in `run`, asked the same items."""
    watch = Watch()
    folders = write_sets(bench, run / "sets", options.sets)
    recipe = make_recipe(bench, folders, options)
    assert recipe.tuning is not None
    learnt = prepare_base(recipe, bench, folders, run)
    facts = prepare_tuning(recipe, run / "tokens/tokenizer", run / "tuning/data")
    settings = recipe.model_copy(update={"training": recipe.tuning.training(recipe.training, facts["steps"])})
    adapter = recipe.tuning.lora if options.method == "lora" else None
    start = run / "training/base/model"
    tuned = train_arm(settings, "base+tuned", run / "tuning/data/sequences", start, run / "tuning/base", adapter=adapter)
    trained = watch.cost()

    tasks = tuning_tasks(recipe, run / "tuning/data")
    evaluation = recipe.evaluation.model_copy(update={"tasks": tasks})
    # No arm: the base and what was tuned from it.
    asked = recipe.model_copy(update={"evaluation": evaluation, "training": recipe.training.model_copy(update={"arms": []})})
    scores = evaluate(asked, run, run / "evaluation", [])
    items = [
        json.loads((run / "evaluation/models" / f"{model['model']}.json").read_text())["items"] for model in scores["models"]
    ]
    cost = watch.cost()

    print(machine())
    print(f"{learnt['parameters']:,} parameters; base: {learnt['steps']} steps, loss {learnt['first_loss']:.3f} to "
          f"{learnt['last_loss']:.3f}; {options.method}: {tuned['steps']} steps of {recipe.tuning.batch_size} sequences of "
          f"{LENGTH}, loss on answers {tuned['first_loss']:.3f} to {tuned['last_loss']:.3f}; "
          f"{trained.processor:.0f} processor seconds of training, {cost.processor:.0f} in all\n")  # fmt: skip
    lines = []
    for name, one in facts["measures"]["sets"].items():
        account = facts["ledger"]["tune"][name]
        left_out = {**account["rejected"], **account["leftovers"]} | {"repeats": account["duplicates"]}
        shown = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in left_out.items() if count)
        lines.append([name, one["dataset"], one["role"], f"{account['rows_in']:,}", f"{account['kept']:,}", shown])
    print(markdown(["set", "data set", "role", "rows", "learnt from", "left out"], lines) + "\n")
    head = ["task", "role", "metric, %", "base", "tuned", "difference [95 %]", "n", "best trivial answer"]
    print(markdown(head, rows(scores, items, list(folders), "held-in") + rows(scores, items, options.held_out, "held-out")))


if __name__ == "__main__":
    main()
