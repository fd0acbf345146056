"""Write the tables of docs/recipe.md from the recipe's types: `python docs/write_recipe_tables.py`."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

from ecomct.recipe import cleaning, decontamination, duplicates, model, source, training, tuning

PAGE = Path(__file__).parent / "recipe.md"
MODULES = (source, cleaning, duplicates, decontamination, training, tuning, model)
PARTS = ("Recipe", "Source", "Reference", "Related", "Cleaning", "Boilerplate", "Duplicates", "Decontamination",
         "Benchmark", "Mixing", "Tokenizer", "Blend", "Sequences", "Model", "Training", "Parallel",
         "Stability", "Tuning", "InstructionSet", "Lora", "Evaluation", "Task",
         "Report")  # fmt: skip


def type_name(annotation: Any) -> str:
    """A type as a reader of YAML would say it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin is typing.Annotated:
        return "name" if annotation is model.Name else type_name(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(argument) for argument in arguments if argument is not type(None))
    if origin in (list, tuple):
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"mapping of {type_name(arguments[1])}"
    names = {str: "text", int: "whole number", float: "number", bool: "yes or no", Any: "anything"}
    return names.get(annotation) or getattr(annotation, "__name__", str(annotation)).lower()


def part_of(name: str) -> Any:
    """The class of a part."""
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


def table(part: str) -> str:
    """The settings of one part."""
    lines = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for name, field in part_of(part).model_fields.items():
        annotation = field.annotation
        default = "required" if field.is_required() else "" if field.default is None else shown(field.default)
        lines.append(
            f"| `{field.alias or name}` | {type_name(annotation)} | {default} | {field.description or ''} |".replace(
                " |  |", " | |"
            )
        )
    return "\n".join(lines)


def shown(default: Any) -> str:
    """A default as it would stand in YAML; parts and long lists are described."""
    if isinstance(default, model.Part):
        return "see below"
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{text}`" if text else ""


def write(page: str) -> str:
    """Replace every table between its markers."""
    for part in PARTS:
        start, end = f"<!-- {part} -->\n", "<!-- end -->"
        before, rest = page.split(start, 1)
        page = before + start + table(part) + "\n" + rest[rest.index(end) :]
    return page


if __name__ == "__main__":
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
