"""Models to scores."""

from __future__ import annotations

import json
from typing import Any

from ecomct.errors import InputError
from ecomct.linking.held_out import held_out_documents
from ecomct.progress import counter
from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest
from ecomct.tuning.questions import tuning_tasks


def stage(run: RunFolder) -> Stage:
    """Determined by the models, the held-out documents, the tasks' files and the evaluation's settings."""
    tasks: dict[str, Any] = {}
    for name, task in run.recipe.evaluation.tasks.items():
        folder = run.recipe.resolve(task.path)
        if not folder.is_dir():
            raise InputError(f"evaluation.tasks.{name}.path: no folder at {folder}")
        found = run.input_digests(sorted(file for file in folder.iterdir() if file.suffix == ".json"))
        tasks[name] = {"settings": task.model_dump(exclude={"path"}), "folder": folder.name, "files": sorted(found.values())}
    models = {arm: outputs_digest(run.training / arm) for arm in ("base", *run.arms)}
    models |= {f"{name}+tuned": outputs_digest(run.tuning / name) for name in run.tuned}
    if run.tuned:
        asked = {name: task.model_dump(exclude={"path"}) for name, task in tuning_tasks(run.recipe, run.tuning / "data").items()}
        tasks["of tuning"] = {"tasks": asked, "files": outputs_digest(run.tuning / "data", ["tests/"])}
    inputs = {
        "models": models,
        "documents": outputs_digest(run.documents, ["shards/"]),
        "links": outputs_digest(run.links, ["shards/"]),
        "tokenizer": outputs_digest(run.tokens, ["tokenizer/"]),
        "tasks": tasks,
        "evaluation": run.recipe.evaluation.model_dump(exclude={"tasks", "held_out", "batch_size"}),
        "length": run.recipe.sequences.length,
        "seed": run.recipe.seed,
        "code": code_digest("stages/evaluate", "evaluation", "linking/held_out"),
    }
    return Stage("evaluate", run.evaluation, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Score every model on the same questions; finished models are kept when a killed run goes on."""
    from ecomct.evaluation.run import evaluate

    most, seed = run.recipe.evaluation.max_documents, run.recipe.seed
    documents = held_out_documents(run.documents / "shards", run.links / "shards", run.shards, most, seed)
    training = run.recipe.training.model_copy(update={"arms": list(run.arms)})
    tasks = run.recipe.evaluation.tasks | (tuning_tasks(run.recipe, run.tuning / "data") if run.tuned else {})
    evaluation = run.recipe.evaluation.model_copy(update={"tasks": tasks})
    recipe = run.recipe.model_copy(update={"training": training, "evaluation": evaluation})
    with counter("evaluate") as count:
        evaluate(recipe, run.folder, stage.folder, documents, lambda name, done, total: count(done, total, name))
    return {"models": ["base", *run.arms, *(f"{name}+tuned" for name in run.tuned)]}


def table(run: RunFolder) -> list[list[str]]:
    """Scores by model, trivial baselines below."""
    from ecomct.evaluation.results import table as score_table

    return score_table(json.loads((run.evaluation / "scores.json").read_text()))
