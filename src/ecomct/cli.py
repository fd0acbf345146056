"""The command line: parse, call, print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ecomct import __version__
from ecomct.atomic import write_atomic
from ecomct.errors import InputError, Stopped
from ecomct.pipeline import STAGES, run_recipe
from ecomct.progress import console, out, show
from ecomct.recipe import Recipe, load_recipe, read_recipe
from ecomct.recipe.model import Arm

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Linked shop tables and general text in, a continually pre-trained and evaluated language model out.",
)

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="YAML file; see docs/recipe.md.")]
Runs = Annotated[Path, typer.Option(help="Folder that holds the runs.")]
Workers = Annotated[int, typer.Option(min=1, help="Worker processes; never changes a byte.", show_default="all cores")]
Arms = Annotated[list[str] | None, typer.Option("--arm", help="Only this arm in training and after; may be repeated.")]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@app.command()
def run(
    recipe: RecipeFile,
    until: Annotated[str, typer.Option(help=f"Last stage: {', '.join(STAGES)}.")] = STAGES[-1],
    arm: Arms = None,
    runs: Runs = Path("runs"),
    workers: Workers = CORES,
) -> None:
    """Run a recipe. Finished stages are skipped, an interrupted one continues.

    Example: ecomct run examples/shop/recipe.yaml
    """
    if until not in STAGES:
        raise InputError(f"--until {until}: the stages are {', '.join(STAGES)}")
    folder = run_recipe(load_recipe(recipe), runs, until, _arms(arm), workers).folder
    out.print(f"[bold]done[/]: {folder}", highlight=False)


def _stage_command(name: str, help_text: str) -> None:
    def command(recipe: RecipeFile, arm: Arms = None, runs: Runs = Path("runs"), workers: Workers = CORES) -> None:
        run_recipe(load_recipe(recipe), runs, name, _arms(arm), workers)

    command.__doc__ = f"{help_text}\n\nThe same as `run --until {name}`.\n\nExample: ecomct {name} examples/shop/recipe.yaml"
    app.command(name)(command)


for _name, _help in {
    "ingest": "Read the sources into documents.",
    "duplicates": "Find rows that repeat another, equal or nearly.",
    "screen": "Find rows that hold an item of a benchmark.",
    "link": "Find held-out products and each row's home product.",
    "tokenize": "Turn documents into token ids.",
    "mix": "Choose the rows that are read together.",
    "pack": "Blend and pack samples into sequences, for every arm.",
    "evaluate": "Score every checkpoint.",
    "report": "Write the report page.",
}.items():
    _stage_command(_name, _help)


@app.command()
def train(
    recipe: RecipeFile,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Instead of training.parallel.processes.", show_default=False)
    ] = None,
    arm: Arms = None,
    runs: Runs = Path("runs"),
    workers: Workers = CORES,
) -> None:
    """Train the arms, each in as many processes as asked for; under torchrun in all that it starts.

    The same as `run --until train`.

    Example: ecomct train examples/shop/recipe.yaml --processes 2
    """
    loaded = load_recipe(recipe)
    run_recipe(loaded if processes is None else loaded.in_processes(processes), runs, "train", _arms(arm), workers)


@app.command()
def check(recipe: RecipeFile, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check a recipe, its files and the keys of its tables; say every fault at once.

    Exit code 2 where there is a fault. Example: ecomct check examples/shop/recipe.yaml
    """
    from ecomct.check import check_recipe

    parsed, problems = read_recipe(recipe)
    findings = check_recipe(parsed) if parsed is not None else None
    problems = problems + (findings.problems if findings else [])
    if as_json:
        facts = {
            "problems": problems,
            "warnings": findings.warnings if findings else [],
            "notes": findings.notes if findings else [],
            "keys": findings.keys if findings else [],
        }
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
    else:
        if findings and findings.keys:
            show(findings.table())
        for warning in findings.warnings if findings else []:
            typer.echo(f"warning: {warning}")
        for note in findings.notes if findings else []:
            typer.echo(f"note: {note}")
        for problem in problems:
            typer.echo(f"error: {problem}", err=True)
        if not problems:
            typer.echo(f"{recipe}: no fault found")
    if problems:
        raise typer.Exit(2)


@app.command()
def plan(
    recipe: RecipeFile,
    gpus: Annotated[str, typer.Option(help="Devices of a machine: 4xA100-80G, cpu, or NAME:GiB:TFLOPs.")],
    nodes: Annotated[int, typer.Option(min=1, max=512, help="Machines.")] = 1,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of an arm, instead of the recipe's.")] = None,
    mfu: Annotated[float, typer.Option(help="Share of the devices' peak that training reaches.")] = 0.4,
    host: Annotated[float | None, typer.Option(min=1, help="GiB of host memory a machine has.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Plan a training: memory by part, micro-batch, time, disk, and what to change where it does not fit.

    Exit code 0: fits as written; 1: does not; 2: wrong input. Example: ecomct plan examples/shop/recipe.yaml --gpus cpu
    """
    from ecomct.planning import show as lines
    from ecomct.planning.plan import make_plan

    made = make_plan(load_recipe(recipe), gpus, nodes, tokens, mfu, host, runs)
    if as_json:
        typer.echo(json.dumps(made.as_json(), indent=1))
    else:
        for rows in lines.tables(made):
            show(rows)
        typer.echo(lines.verdict(made))
    if not made.fits:
        raise typer.Exit(1)


@app.command()
def explain(
    recipe: RecipeFile,
    sample: Annotated[str, typer.Argument(metavar="SAMPLE", help="SEQUENCE, SEQUENCE:SEGMENT or a sample number of the plan.")],
    arm: Annotated[str, typer.Option(help="Arm that is read.")] = "mixed",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the sample into this file, one sample only.")] = None,
    runs: Runs = Path("runs"),
) -> None:
    """Take a sample apart: its rows, fields and tokens in order, and why these rows stand together.

    Example: ecomct explain examples/shop/recipe.yaml 0:1 --svg cluster.svg
    """
    from ecomct.lineage import draw, explain, locate
    from ecomct.lineage import show as lines

    found = explain.Explainer(locate.open_run(load_recipe(recipe), runs)).sample(sample, arm)
    if svg is not None:
        if len(found) > 1:
            raise InputError(f"--svg: sequence {sample} has {len(found)} samples; name one, as in {sample}:0")
        write_atomic(svg, draw.svg(found[0]))
    if as_json:
        typer.echo(json.dumps([lines.sample_json(one) for one in found], ensure_ascii=False, indent=1))
    else:
        typer.echo("\n\n".join("\n".join(lines.sample_lines(one)) for one in found))


@app.command()
def trace(
    recipe: RecipeFile,
    row: Annotated[str, typer.Argument(metavar="ROW", help="Row number, FILE:LINE, or source/key for all rows of a product.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Say where a row went, or why not: its fate at each stage and its tokens in every arm.

    Example: ecomct trace examples/shop/recipe.yaml reviews.jsonl:3
    """
    from ecomct.lineage import locate, rows
    from ecomct.lineage import show as lines
    from ecomct.lineage.trace import trace_rows

    located = locate.open_run(load_recipe(recipe), runs)
    found = trace_rows(located, rows.rows_named(located, row))
    if as_json:
        typer.echo(json.dumps([lines.trace_json(one) for one in found], ensure_ascii=False, indent=1))
    else:
        typer.echo("\n\n".join("\n".join(lines.trace_lines(one)) for one in found))


@app.command()
def rejected(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or its recipe.")],
    rule: Annotated[str | None, typer.Option(help="Only rows that this rule, reason or fate took out.")] = None,
    source: Annotated[str | None, typer.Option(help="Only rows of this source.")] = None,
    sample: Annotated[int, typer.Option(min=0, max=100_000, help="Rows shown.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Decides which.")] = 17,
    kept: Annotated[bool, typer.Option("--kept", help="Rows that were kept instead.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, texts whole.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Count the rows that were taken out, by source and rule, and show some for a person to judge.

    Rejected rows, duplicates with the row that they repeat, contaminated rows with the item that they hold.

    Example: ecomct rejected runs/shop --rule duplicate --sample 5
    """
    from ecomct.rejects import draw, read
    from ecomct.rejects import show as lines

    folder = run if run.is_dir() else runs / load_recipe(run).name
    if kept and rule is not None:
        raise InputError("--rule: no rule takes out what is kept; leave one of --rule and --kept out")
    taken = draw.draw(folder, sample, seed, rule, source, kept)
    found, rows_in = read.read_rows(folder, taken.rows), draw.rows_in(folder)
    if as_json:
        typer.echo(lines.as_json(taken, rows_in, found))
        return
    show(lines.counts_table(taken, rows_in))
    typer.echo("\n".join(lines.sample_lines(found)))


@app.command()
def forget(
    recipe: RecipeFile,
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY...", help="Products: source/key, or the bare key.")] = None,
    file: Annotated[Path | None, typer.Option("--from", help="File of keys, one a line.")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="Only say what would go.")] = False,
    runs: Runs = Path("runs"),
    workers: Workers = CORES,
) -> None:
    """Forget products: put their keys on the list beside the recipe and rebuild what held their rows.

    Example: ecomct forget examples/shop/recipe.yaml products/C001 --list
    """
    from ecomct.lineage import forget, locate
    from ecomct.lineage import show as lines

    wanted = forget.read_keys(keys or [], file)
    if only_list:
        located = locate.open_run(load_recipe(recipe), runs)
        show(lines.affected_table(forget.affected(located, wanted)))
        return
    found, arms = forget.forget(recipe, wanted, runs, workers)
    for rows in lines.forgotten_tables(found, arms):
        show(rows)


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors.

    Example: ecomct schema > recipe.schema.json
    """
    typer.echo(json.dumps(Recipe.model_json_schema(), indent=1, ensure_ascii=False))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _arms(names: list[str] | None) -> list[Arm] | None:
    return names  # type: ignore[return-value]  # run_recipe compares them with the recipe's


def main() -> None:
    """Entry point: one line and exit code 2 for wrong input, 130 for an interrupt; a traceback means a bug.

    143 (SIGTERM) or 138 (SIGUSR1) for a training that a signal stopped after its state was saved.
    """
    # Nothing is ever fetched: models and data are what the recipe names.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Threads that wait should sleep: spinning makes two runs on one machine five times slower each.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    code = _guarded(app)
    sys.stdout.flush()
    raise SystemExit(code)


def _say(line: str, style: str | None = None) -> None:
    """Print a line once, by the first of several ranks."""
    if os.environ.get("RANK", "0") == "0":
        console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _guarded(command: Callable[..., Any]) -> int:
    try:
        command()
    except InputError as error:
        _say(f"error: {error}", "red")
        return 2
    except Stopped as stop:
        _say(str(stop))
        return 128 + stop.number
    except KeyboardInterrupt:
        _say("interrupted; run again to continue")
        return 130
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    return 0
