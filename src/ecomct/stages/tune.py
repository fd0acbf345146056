"""Trained models and instruction sets to tuned models: the sets once, then one tuning a model."""

from __future__ import annotations

import json
from typing import Any

from ecomct.progress import counter
from ecomct.recipe.tuning import Tuning
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest
from ecomct.stages.train import add_tokenizer
from ecomct.tuning.sets import set_files

# Settings that decide the sequences, the questions and the number of steps.
_OF_DATA = {"sets", "split", "length", "most_cut", "epochs", "max_steps", "batch_size"}


def data_stage(run: RunFolder) -> Stage:
    """Determined by the sets' files, all that is asked in the evaluation, the tokenizer, the length and the seed."""
    tuning = _tuning(run)
    settings = tuning.model_dump(include=_OF_DATA, exclude={"sets": {"__all__": {"path", "max_new_tokens"}}})
    files = {name: run.input_digests(set_files(run.recipe, name)) for name in tuning.sets}
    asked = [run.recipe.resolve(task.path) for task in run.recipe.evaluation.tasks.values()]
    folders = {name: run.recipe.resolve(one.path).name for name, one in tuning.sets.items()}
    inputs = {
        "settings": settings,
        "files": {name: [folders[name], sorted(found.values())] for name, found in files.items()},
        "tasks": sorted(run.input_digests([file for folder in asked for file in sorted(folder.glob("*.json"))]).values()),
        "tokenizer": outputs_digest(run.tokens, ["tokenizer/"]),
        "sequences": run.recipe.sequences.length,
        "seed": run.recipe.seed,
        "code": code_digest("stages/tune", "tuning", "packing/bins", "evaluation/ecominstruct", "seeded"),
    }
    return Stage("tune data", run.tuning / "data", inputs)


def data_work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Read, divide, encode and pack the sets."""
    from ecomct.tuning.prepare import prepare_tuning

    return prepare_tuning(run.recipe, run.tokens / "tokenizer", stage.folder)


def data_table(run: RunFolder) -> list[list[str]]:
    """Where the examples went, set by set."""
    facts = run.facts(run.tuning / "data")
    rows = [["set", "role", "examples", "trained on", "left out", "asked", "prompts cut", "tokens", "in the loss"]]
    for name, one in facts["measures"]["sets"].items():
        account = facts["ledger"]["tune"][name]
        left_out = {**account["rejected"], **account["leftovers"]} | {"repeats": account["duplicates"]}
        shown = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in left_out.items() if count)
        counts = [f"{one[key]:,}" for key in ("test", "prompts_cut", "tokens", "trained_tokens")]
        rows.append([name, one["role"], f"{account['rows_in']:,}", f"{account['kept']:,}", shown, *counts])
    measures = facts["measures"]
    return [*rows, [f"{measures['sequences']:,} sequences in {facts['steps']:,} steps, {measures['fill']:.4f} full"]]


def stage(run: RunFolder, model: str) -> Stage:
    """Determined by the packed examples, the model's weights and the settings."""
    tuning = _tuning(run)
    inputs = {
        "sequences": outputs_digest(run.tuning / "data", ["sequences/"]),
        "model": outputs_digest(run.training / model, ["model/"]),
        "settings": tuning.training(run.recipe.training, run.facts(run.tuning / "data")["steps"]).deciding(),
        "lora": tuning.lora.model_dump() if tuning.method == "lora" else None,
        "seed": run.recipe.seed,
        "code": code_digest("stages/tune", "stages/train", "training", "tuning"),
    }
    return Stage(f"tune {model}", run.tuning / model, inputs)


def work(run: RunFolder, stage: Stage, model: str) -> dict[str, Any]:
    """Tune one model by the trainer of the arms; its checkpoints are what a killed run keeps."""
    from ecomct.training.launch import Job
    from ecomct.training.ranks import train_together

    tuning, data = _tuning(run), run.tuning / "data"
    training = tuning.training(run.recipe.training, run.facts(data)["steps"])
    recipe = run.recipe.model_copy(update={"training": training})
    adapter = tuning.lora if tuning.method == "lora" else None
    name = f"{model}+tuned"
    job = Job(recipe, name, data / "sequences", run.training / model / "model", stage.folder, run.folder / "logs" / name, adapter)
    with counter(f"tune {model}") as count:
        facts = train_together(job, count)
    add_tokenizer(run, stage.folder)
    return facts


def table(run: RunFolder, model: str) -> list[list[str]]:
    """What the tuning did."""
    folder = run.tuning / model
    facts, method = run.facts(folder), _tuning(run).method
    losses = [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    rows = [["model", "method", "steps", "tokens", "first loss", "last loss", "precision", "packing"]]
    numbers = [f"{facts['steps']:,}", f"{facts['tokens']:,}", f"{losses[0]:.4f}", f"{losses[-1]:.4f}"]
    return [*rows, [f"{model}+tuned", method, *numbers, facts["precision"], facts["packing"]]]


def _tuning(run: RunFolder) -> Tuning:
    assert run.recipe.tuning is not None, "the pipeline asks only where the recipe tunes"
    return run.recipe.tuning
