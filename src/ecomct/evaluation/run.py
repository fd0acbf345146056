"""The evaluation stage: every checkpoint of every arm and the base model, on the same questions.

One file a model, written when the model is done; after a kill the finished models are not scored
again. `scores.json` is put together from those files alone, so that a resumed and an uninterrupted
evaluation give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomct.atomic import write_json
from ecomct.errors import InputError
from ecomct.evaluation.baselines import baselines
from ecomct.evaluation.differences import differences
from ecomct.evaluation.results import estimated, model_results, rounded, table
from ecomct.evaluation.workload import EncodedTask, HeldOutDocument, Workload, build_workload, sequence_limit
from ecomct.recipe.model import Recipe

if TYPE_CHECKING:
    from ecomct.evaluation.scoring import ModelScorer

__all__ = ["HeldOutDocument", "ModelEntry", "evaluate", "list_models", "table"]

# Where an answer ends, after its first visible character: a title is a line, spans are a paragraph.
_STOPS = {"rouge": "\n", "spans": "\n\n"}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ModelEntry:
    """A model to evaluate: `name` is "base" or "ARM@STEP", ARM of a tuned one being "base+tuned" or "mixed+tuned"."""

    name: str
    arm: str
    step: int
    folder: Path


def list_models(recipe: Recipe, run: Path) -> list[ModelEntry]:
    """Return the base model, then each arm's checkpoints by step, its final weights last, then those of tuned models.

    The final step is the last one of the arm's metrics.jsonl; a checkpoint of that step is the
    final model and counts once. Raises InputError where a model that should exist does not.
    """
    entries = [ModelEntry("base", "base", 0, run / "training" / "base" / "model")]
    folders: dict[str, Path] = {arm: run / "training" / arm for arm in recipe.training.arms}
    folders |= {f"{name}+tuned": run / "tuning" / name for name in recipe.tuned}
    for arm, folder in folders.items():
        last = _last_step(folder / "metrics.jsonl")
        steps: dict[int, Path] = {}
        if recipe.evaluation.checkpoints == "all":
            for path in folder.glob("checkpoints/step-*"):
                number = path.name.removeprefix("step-")
                if number.isdecimal():
                    steps[int(number)] = path
        steps[last] = folder / "model"
        entries += [ModelEntry(f"{arm}@{step}", arm, step, steps[step]) for step in sorted(steps)]
    for entry in entries:
        if not (entry.folder / "config.json").is_file():
            raise InputError(f"{entry.folder}: no model {entry.name} there; run the training stage first")
    return entries


def _last_step(path: Path) -> int:
    try:
        lines = path.read_bytes().split(b"\n")
        return int(json.loads([line for line in lines if line.strip()][-1])["step"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: its last line names no step ({type(error).__name__}); run the training stage again") from None


def evaluate(
    recipe: Recipe, run: Path, out: Path, held_out: Sequence[HeldOutDocument], on_progress: Progress | None = None
) -> dict[str, Any]:
    """Score every model of `run` and write `out`/models/NAME.json and `out`/scores.json; return the latter.

    `held_out` is capped here to `max_documents` of each source and language, tasks to `max_items`,
    both by the recipe's seed. `on_progress(model, done, total)` counts documents and items.
    A model whose loss is not finite is a finding: its numbers are null and a note names it.
    A model file that answers the same questions is kept as it is. Whether the weights are those it
    was made from is for the caller to know: give a fresh `out` for fresh weights.
    """
    from transformers import AutoTokenizer

    entries = list_models(recipe, run)
    tokenizer = AutoTokenizer.from_pretrained(run / "tokens" / "tokenizer", local_files_only=True, trust_remote_code=False)
    if tokenizer.eos_token_id is None:
        raise InputError(f"{run / 'tokens' / 'tokenizer'}: names no eos token; set tokenizer.eos in the recipe")
    length = sequence_limit(recipe.sequences.length, [entry.folder for entry in entries])
    work = build_workload(recipe, tokenizer, held_out, length)
    paths = {entry.name: out / "models" / f"{entry.name}.json" for entry in entries}
    for entry in entries:
        if not _answered(paths[entry.name], entry, work):
            write_json(paths[entry.name], _score_model(recipe, entry, work, tokenizer, on_progress))
        if on_progress:
            on_progress(entry.name, work.size, work.size)
    held = [json.loads(paths[entry.name].read_bytes()) for entry in entries]
    models = [one["scores"] for one in held]
    trivial = {name: baselines(task.scorer, task.items) for name, task in work.tasks.items()}
    broken = [model["model"] for model in models if any(loss["loss"] is None for loss in model["held_out_by_language"].values())]
    scores = {
        "models": models,
        "baselines": {
            name: {label: estimated(task.scorer, judged) for label, judged in trivial[name].items()}
            for name, task in work.tasks.items()
        },
        "differences": differences(held, {name: task.scorer for name, task in work.tasks.items()}, trivial, recipe.seed),
        "tasks": {
            name: {
                "scorer": task.scorer,
                "name": task.task.name,
                "items": len(task.items),
                "digest": task.task.digest,
                "truncated_prompts": {"prompts": task.truncated, "limit": task.limit},
            }
            for name, task in work.tasks.items()
        },
        "notes": work.notes + [f"{name}: the held-out loss is not finite; its training diverged" for name in broken],
    }
    write_json(out / "scores.json", scores)
    # As read back by others: the keys in the order of the file.
    loaded: dict[str, Any] = json.loads((out / "scores.json").read_bytes())
    return loaded


def _answered(path: Path, entry: ModelEntry, work: Workload) -> bool:
    """Whether `path` holds this model's answers to exactly these questions."""
    try:
        held = json.loads(path.read_bytes())
        return bool(held["questions"] == work.digest and held["scores"]["model"] == entry.name)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _score_model(
    recipe: Recipe, entry: ModelEntry, work: Workload, tokenizer: Any, on_progress: Progress | None
) -> dict[str, Any]:
    """Everything that is stored of one model: its answer to each question, and the scores."""
    import torch

    from ecomct.evaluation.scoring import ModelScorer

    done = 0

    def count(units: int) -> None:
        nonlocal done
        done += units
        if on_progress:
            on_progress(entry.name, done, work.size)

    threads = torch.get_num_threads()
    torch.set_num_threads(recipe.training.threads or threads)
    try:
        scorer = ModelScorer(entry.folder, eos=work.eos, tokens=len(tokenizer), batch_size=recipe.evaluation.batch_size)
        losses = scorer.document_losses([document.ids for document in work.documents], count)
        answers = {name: _answer(scorer, task, tokenizer, count) for name, task in work.tasks.items()}
    finally:
        torch.set_num_threads(threads)
    results = model_results(work, losses, answers)
    results["scores"] |= {"model": entry.name, "arm": entry.arm, "step": entry.step}
    return {"questions": work.digest, **results}


def _answer(scorer: ModelScorer, task: EncodedTask, tokenizer: Any, count: Callable[[int], None]) -> list[dict[str, Any]]:
    """The model's answer to each item: {"prediction"} and, for a choice, the "log_likelihoods"."""
    if task.scorer == "choice":
        labels = task.task.labels
        found = scorer.log_likelihoods(task.prompts, task.candidates, count)
        best = [max(range(len(labels)), key=values.__getitem__) for values in found]
        return [
            {"prediction": labels[i], "log_likelihoods": [rounded(value) for value in values]}
            for i, values in zip(best, found, strict=True)
        ]
    stop = _STOPS[task.scorer]

    def text(ids: list[int]) -> str:
        return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)).lstrip()

    generated = scorer.generate(task.prompts, task.max_new_tokens, lambda ids: stop in text(ids), count)
    return [{"prediction": text(ids).split(stop, 1)[0].strip()} for ids in generated]
