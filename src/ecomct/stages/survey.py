"""Sources to their boilerplate: the lines and sentences that ingest takes out."""

from __future__ import annotations

from typing import Any

from ecomct.atomic import write_json
from ecomct.documents.keys import forgotten_keys
from ecomct.documents.survey import SurveyTask, survey_source, survey_task
from ecomct.engine import map_units
from ecomct.progress import track
from ecomct.run_folder import RunFolder
from ecomct.sources.files import Unit, source_units
from ecomct.stage import Stage, code_digest
from ecomct.units import key_of

FILE = "boilerplate.json"
# Bytes that one process reads while two start.
_WORTH_WORKERS = 32 << 20


def stage(run: RunFolder) -> Stage:
    """Determined by the sources' settings and bytes, the search for boilerplate, the forget list and the seed."""
    code = code_digest("stages/survey", "sources", "documents", "recipe/slots", "seeded")
    inputs = {
        "sources": run.source_inputs("language"),
        "boilerplate": run.recipe.cleaning.boilerplate.model_dump(),
        "forget": forgotten_keys(run.recipe),
        "seed": run.recipe.seed,
        "code": code,
    }
    return Stage("survey", run.survey, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Survey each source as one unit; its facts are what was found."""
    tasks = {name: survey_task(run.recipe, name) for name in run.sources}
    keys = {name: _key(stage, task) for name, task in tasks.items()}
    known = {name: made for name in run.sources if (made := stage.unit(name, keys[name])) is not None}
    todo = [(tasks[name], source_units(run.recipe, name)) for name in run.sources if name not in known]
    # The longest first, so that no worker is left with one at the end; their order reaches no byte.
    todo.sort(key=lambda one: -_weight(one[1]))
    workers = run.workers if sum(_weight(units) for _, units in todo) > _WORTH_WORKERS else 1
    for (task, _), made in zip(todo, track(map_units(_survey, todo, workers), "survey", len(todo)), strict=True):
        stage.finish_unit(task.name, made, keys[task.name])
        known[task.name] = made
    facts = {name: known[name] for name in run.sources}
    write_json(stage.folder / FILE, {name: made["found"] for name, made in facts.items() if made["found"]})
    return {
        "sources": {
            name: {"rows": made["rows"], "chars": made["chars"], "found": len(made["found"])} for name, made in facts.items()
        }
    }


def _key(stage: Stage, task: SurveyTask) -> str:
    """What determines the facts of one source. Of the forget list, the keys that its rows may have."""
    own = {task.name, *(reference.to for reference in task.source.references)}
    forget = sorted(key for key in task.forget if key.partition("/")[0] in own)
    shared = {name: stage.inputs[name] for name in ("boilerplate", "seed", "code")}
    return key_of(stage.inputs["sources"][task.name], task.is_referred_to, forget, shared)


def _weight(units: list[Unit]) -> int:
    return sum(unit.weight for unit in units)


def _survey(work: tuple[SurveyTask, list[Unit]]) -> dict[str, Any]:
    return survey_source(*work)


def table(run: RunFolder) -> list[list[str]]:
    """Rows and characters that were counted, and lines found, of the sources that were surveyed."""
    rows = [["source", "rows counted", "characters", "frequent lines"]]
    facts = run.facts(run.survey)["sources"]
    for name, made in ((name, facts[name]) for name in run.sources):
        if made["rows"]:
            rows.append([name, f"{made['rows']:,}", f"{made['chars']:,}", f"{made['found']:,}"])
    return rows
