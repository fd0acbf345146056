"""From a YAML file to a checked Recipe: every fault at once, each as one line with its path."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.recipe.slots import slot_problems
from ecomct.sources.adapters import with_adapter

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a mapping naming one key twice (plain YAML keeps the last silently)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = repr(key)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} appears twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_recipe(path: Path) -> Recipe:
    """Read `path` or raise InputError with its first fault and the number of the others."""
    recipe, problems = read_recipe(path)
    if recipe is None or problems:
        more = f" (and {len(problems) - 1} more: run `ecomct check {path}`)" if len(problems) > 1 else ""
        raise InputError(problems[0] + more)
    return recipe


def read_recipe(path: Path) -> tuple[Recipe | None, list[str]]:
    """Return the recipe, or None where it cannot be built, and all faults found."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except FileNotFoundError:
        return None, [f"{path}: no such recipe file"]
    except IsADirectoryError:
        return None, [f"{path}: is a folder; name the recipe file inside it"]
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"{path}: cannot be read as UTF-8 text ({error})"]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        return None, [f"{path}{where}: not valid YAML: {getattr(error, 'problem', None) or error}"]
    if not isinstance(document, dict):
        return None, [f"{path}: a recipe is a mapping of settings, this is {_kind_of(document)}"]
    unset: list[str] = []
    document = _expand(document, path.stem, unset)
    if unset:
        return None, unset
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        return None, [_line(fault, document) for fault in error.errors()]
    object.__setattr__(recipe, "_folder", path.parent)
    return _resolved(recipe)


def _resolved(recipe: Recipe) -> tuple[Recipe | None, list[str]]:
    """Apply adapters, then check what one class cannot see: names, slots, languages, arms."""
    problems, sources = [], {}
    for name, source in recipe.sources.items():
        try:
            sources[name] = with_adapter(source)
        except ValueError as error:
            problems.append(f"sources.{name}.adapter: {error}")
            sources[name] = source
    folder = recipe._folder
    recipe = recipe.model_copy(update={"sources": sources})
    object.__setattr__(recipe, "_folder", folder)
    for name, source in sources.items():
        problems += [f"sources.{name}.{problem}" for problem in slot_problems(source)]
        for index, reference in enumerate(source.references):
            where = f"sources.{name}.references[{index}]"
            if reference.field is None:
                problems.append(f"{where}.field: missing; name the column that holds the key of {reference.to}")
            if reference.to not in sources:
                problems.append(f"{where}.to: no source is named {reference.to!r}{_nearest(reference.to, list(sources))}")
            elif sources[reference.to].primary_key is None:
                problems.append(f"{where}.to: source {reference.to} has no primary_key to refer to")
    problems += _arm_problems(recipe)
    return recipe, problems


def _arm_problems(recipe: Recipe) -> list[str]:
    """Arms that the sources cannot fill."""
    roles = {source.role for source in recipe.sources.values()}
    problems = []
    for index, arm in enumerate(recipe.training.arms):
        for role in ("general",) if arm == "general" else ("domain",) if arm == "domain-separate" else ("general", "domain"):
            if role not in roles:
                problems.append(f"training.arms[{index}]: arm {arm} needs a source with role {role}, the recipe has none")
    if recipe.tokenizer.path is None and recipe.tokenizer.eos is not None:
        problems.append("tokenizer.eos: a trained tokenizer brings its own end-of-text token; leave eos out")
    return problems


def _expand(value: Any, where: str, unset: list[str]) -> Any:
    """Replace ${VARIABLE} in every string; an unset variable is a fault with its path."""
    if isinstance(value, dict):
        return {key: _expand(item, f"{where}.{key}", unset) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, f"{where}[{index}]", unset) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    unset += [f"{where}: environment variable {name} is not set" for name in _VARIABLE.findall(value) if name not in os.environ]
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), value)


def _line(fault: Any, document: dict[str, Any]) -> str:
    """One pydantic fault as `path: what; got value`."""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    # Unions add the name of the branch that was tried; it is noise to someone reading a YAML path.
    where = re.sub(r"\.(str|list\[str\])(?=\.|\[|$)", "", where) or "recipe"
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(fault['loc'][-1]), _known_keys(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"{where}: missing; this setting has no default"
    message = fault["msg"].removeprefix("Value error, ")
    value = repr(fault["input"])
    shown = "" if isinstance(fault["input"], dict) else f", got {value if len(value) <= 60 else value[:57] + '...'}"
    return f"{where}: {message[0].lower() + message[1:]}{shown}"


def _known_keys(path: tuple[Any, ...]) -> list[str]:
    """Keys the recipe knows at `path`, for suggestions."""
    schema = Recipe.model_json_schema()
    part: dict[str, Any] = schema
    for key in path:
        by_name = next(iter(part.get("patternProperties", {}).values()), None)
        part = part.get("properties", {}).get(key) or by_name or part.get("items") or {}
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
    return list(part.get("properties", {}))


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known[:12])}" if known else ""


def _kind_of(value: Any) -> str:
    names: list[tuple[Callable[[Any], bool], str]] = [(lambda v: v is None, "empty"), (lambda v: isinstance(v, list), "a list")]
    return next((name for test, name in names if test(value)), "a single value")
