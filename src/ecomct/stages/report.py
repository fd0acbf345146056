"""Everything to one page."""

from __future__ import annotations

from typing import Any

from ecomct.run_folder import RunFolder
from ecomct.stage import Stage, code_digest, outputs_digest, read_manifest


def stage(run: RunFolder) -> Stage:
    """Determined by all artefacts before it."""
    folders = [run.documents, run.duplicates, run.screen, run.links, run.tokens, run.mixture, run.sequences, run.evaluation]
    folders += [run.training / arm for arm in ("base", *run.arms)]
    folders += [run.tuning / name for name in ("data", *run.tuned)] if run.tuned else []
    made = {folder.relative_to(run.folder).as_posix(): outputs_digest(folder) for folder in folders if read_manifest(folder)}
    # Paths are left out: the page names no file of the machine.
    paths: dict[str, Any] = {"sources": {"__all__": {"path"}}, "model": {"path"}, "tokenizer": {"path"}}
    if run.recipe.tuning is not None:
        paths["tuning"] = {"sets": {"__all__": {"path"}}}
    recipe = run.recipe.model_dump(exclude=paths | {"decontamination": {"benchmarks"}})
    inputs = {"artefacts": made, "recipe": recipe, "code": code_digest("stages/report", "reporting", "rejects")}
    return Stage("report", run.report, inputs)


def work(run: RunFolder, stage: Stage) -> dict[str, Any]:
    """Write the page."""
    from ecomct.reporting.page import write_report

    return write_report(run.recipe, run.folder, stage.folder, run.arms)


def table(run: RunFolder) -> list[list[str]]:
    """Where the page is."""
    return [["report"], [str(run.report / "index.html")]]
