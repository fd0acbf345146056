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
from ecomct.recipe.adapters import with_adapter
from ecomct.recipe.model import Recipe
from ecomct.recipe.slots import slot_problems
from ecomct.recipe.source import Source
from ecomct.recipe.tuning import tuning_problems
from ecomct.rules.profiles import profile_problems
from ecomct.rules.sample import sample_problems

# Types of the settings that take one text or a list, as pydantic names them in the path of a fault.
_BRANCHES = ("str", "list[str]")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a mapping naming one key twice (plain YAML keeps the last silently)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # <<: what it brings gives way to the mapping's own keys
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = repr(key)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} appears twice; remove one", key_node.start_mark)
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
        return None, [f"{path}: cannot be read as UTF-8 text ({error}); save it as UTF-8"]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or " ".join(str(error).split())
        return None, [f"{path}{where}: not valid YAML: {said}"]
    except RecursionError:
        return None, [f"{path}: not valid YAML: nested too deeply"]
    if not isinstance(document, dict):
        return None, [f"{path}: a recipe is a mapping of settings (see docs/recipe.md), this is {_kind_of(document)}"]
    unset: dict[str, list[str]] = {}
    try:
        document = _expand(document, "", unset)
    except RecursionError:
        return None, [f"{path}: an anchor holds itself; a recipe is a tree"]
    problems = [
        f"{places[0]}: environment variable {name} is not set"
        + (f" (used in {len(places)} places)" if len(places) > 1 else "")
        + "; export it"
        for name, places in unset.items()
    ]
    # A setting whose variable is not set has one fault, not two.
    faulty = {place for places in unset.values() for place in places}
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        problems += [_line(fault) for fault in error.errors() if not _of_other_branch(fault) and _place(fault) not in faulty]
        return None, problems + _problems_between(_readable_sources(document))
    sources, adapter_problems = _adapted(recipe.sources)
    problems += adapter_problems + _source_problems(sources, list(sources)) + _arm_problems(recipe)
    problems += tuning_problems(recipe) + profile_problems(recipe.cleaning) + sample_problems(recipe.cleaning.samples)
    recipe = recipe.model_copy(update={"sources": sources})
    object.__setattr__(recipe, "_folder", path.parent)
    try:
        object.__setattr__(recipe, "_forget", read_forget_list(forget_file(path)))
    except InputError as error:
        problems.append(str(error))
    return (None if unset else recipe), problems


def forget_file(recipe: Path) -> Path:
    """Where the forget list of a recipe is: beside it, by the same stem."""
    return recipe.with_suffix(".forget")


def read_forget_list(path: Path) -> tuple[str, ...]:
    """Keys of a forget list, one a line, sorted, none twice; lines that begin with # are remarks. No file: no keys."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error}); write one key a line") from error
    return tuple(sorted({line for line in lines if line and not line.startswith("#")}))


def _readable_sources(document: dict[str, Any]) -> dict[str, Source | None]:
    """The sources of a recipe that is at fault elsewhere; None for one that is at fault itself."""
    given = document.get("sources")
    sources: dict[str, Source | None] = {}
    for name, source in given.items() if isinstance(given, dict) else ():
        try:
            sources[str(name)] = Source.model_validate(source)
        except ValidationError:
            sources[str(name)] = None
    return sources


def _problems_between(sources: dict[str, Source | None]) -> list[str]:
    """Faults of the sources that can be read, all names being known."""
    adapted, problems = _adapted({name: source for name, source in sources.items() if source is not None})
    return problems + _source_problems(adapted, list(sources))


def _adapted(given: dict[str, Source]) -> tuple[dict[str, Source], list[str]]:
    """The sources with what their adapters know, and the adapters that do not fit."""
    problems, sources = [], {}
    for name, source in given.items():
        try:
            sources[name] = with_adapter(source)
        except ValueError as error:
            problems.append(f"sources.{name}.adapter: {error}")
            sources[name] = source
    return sources, problems


def _source_problems(sources: dict[str, Source], names: list[str]) -> list[str]:
    """What one source alone cannot show: slots, and references to `names` (those at fault elsewhere included)."""
    problems = []
    for name, source in sources.items():
        problems += [f"sources.{name}.{problem}" for problem in slot_problems(source)]
        for index, reference in enumerate(source.references):
            where = f"sources.{name}.references[{index}]"
            if reference.field is None:
                problems.append(f"{where}.field: missing; name the column that holds the key of {reference.to}")
            problems += _target_problems(where, reference.to, sources, names)
        problems += _related_problems(name, source, sources, names)
    return problems


def _related_problems(name: str, source: Source, sources: dict[str, Source], names: list[str]) -> list[str]:
    """Further keys that lead nowhere."""
    problems = []
    referred = {reference.to for other in sources.values() for reference in other.references}
    for index, related in enumerate(source.related):
        where = f"sources.{name}.related[{index}]"
        if not source.references and name not in referred:
            problems.append(f"{where}: rows of {name} belong to no product and are not mixed; give references, or leave it out")
        if related.to is not None:
            problems += _target_problems(where, related.to, sources, names)
            if related.as_ is not None:
                problems.append(f"{where}.as: keys of {related.to} have a name already; leave out as or to")
    return problems


def _target_problems(where: str, to: str, sources: dict[str, Source], names: list[str]) -> list[str]:
    """Whether `to` is a source that rows of another can name."""
    if to not in names:
        return [f"{where}.to: no source is named {to!r}{_nearest(to, names)}"]
    if to in sources and sources[to].primary_key is None:
        return [f"{where}.to: source {to} has no primary_key to refer to; set it"]
    return []


def _arm_problems(recipe: Recipe) -> list[str]:
    """Arms that the sources cannot fill, and settings that do not go together."""
    roles = {source.role for source in recipe.sources.values()}
    problems = []
    for index, arm in enumerate(recipe.training.arms):
        for role in ("general",) if arm == "general" else ("domain",) if arm == "domain-separate" else ("general", "domain"):
            if role not in roles:
                fault = f"arm {arm} needs a source with role {role}, the recipe has none; add one or leave the arm out"
                problems.append(f"training.arms[{index}]: {fault}")
    most, length = recipe.mixing.max_tokens, recipe.sequences.length
    if most is not None and most > length - 1:
        problems.append(f"mixing.max_tokens: {most} does not fit sequences.length ({length}) less its end-of-text token")
    if recipe.tokenizer.path is None and recipe.tokenizer.eos is not None:
        problems.append("tokenizer.eos: a trained tokenizer brings its own end-of-text token; leave eos out")
    return problems


def _expand(value: Any, where: str, unset: dict[str, list[str]]) -> Any:
    """Replace ${VARIABLE} in every string; `unset` collects the paths of variables that are not set."""
    if isinstance(value, dict):
        return {key: _expand(item, f"{where}.{key}".lstrip("."), unset) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, f"{where}[{index}]", unset) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        if name not in os.environ:
            unset.setdefault(name, []).append(where)
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), value)


def _place(fault: Any) -> str:
    """Path of a pydantic fault as a reader of the YAML file writes it."""
    path = [part for part in fault["loc"] if part != "[key]"]
    # A setting that takes one text or a list adds the name of the type that was tried, at the end or before an index.
    branch = -2 if path and isinstance(path[-1], int) else -1
    if fault["type"] != "extra_forbidden" and len(path) >= 4 and path[branch] in _BRANCHES:
        del path[branch]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "recipe"


def _of_other_branch(fault: Any) -> bool:
    """Whether a setting that takes a text or a list was held against the one that was not meant."""
    branch, is_list = fault["loc"][-1] if fault["loc"] else None, isinstance(fault["input"], list)
    return (branch == "str" and fault["type"] == "string_type" and is_list) or (branch == "list[str]" and not is_list)


def _line(fault: Any) -> str:
    """One pydantic fault as `path: what; got value`."""
    where = _place(fault)
    if fault["type"] == "string_pattern_mismatch":
        return f"{where}: a name has letters, digits, '.', '_' and '-' and begins with a letter or digit, got {fault['input']!r}"
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(str(fault['loc'][-1]), _known_keys(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return f"{where}: missing; this setting has no default"
    message = fault["msg"].removeprefix("Value error, ")
    value = repr(fault["input"])
    shown = (
        ""
        if isinstance(fault["input"], dict | bool) or value in message
        else f", got {value if len(value) <= 60 else value[:57] + '...'}"
    )
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
