"""Which slots each kind of source has, and which of them a recipe must fill."""

from __future__ import annotations

import re

from ecomct.recipe.source import Kind, Source

# Per kind: the accepted sets of required slots (one of them must be filled), and the optional slots.
SLOTS: dict[Kind, tuple[tuple[frozenset[str], ...], frozenset[str]]] = {
    "title": ((frozenset({"title"}),), frozenset()),
    "attributes": (
        (frozenset({"name", "value"}), frozenset({"columns"}), frozenset({"pairs"}), frozenset({"text"})),
        frozenset({"columns"}),
    ),
    "description": ((frozenset({"text"}),), frozenset({"title"})),
    "review": ((frozenset({"text"}),), frozenset({"title", "rating"})),
    "qa": ((frozenset({"question", "answer"}),), frozenset()),
    "article": ((frozenset({"text"}),), frozenset({"title"})),
    "dialogue": ((frozenset({"text"}),), frozenset({"title"})),
    "web": ((frozenset({"text"}),), frozenset({"title"})),
}
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def slot_problems(source: Source) -> list[str]:
    """Faults of `source.fields` and `source.template`, each as `field: what`."""
    given = set(source.fields)
    if empty := [f"fields.{name}: names no column" for name, columns in source.fields.items() if columns in ("", [], [""])]:
        return empty
    if personal := _personal_problems(source):
        return personal
    if source.template is not None:
        used = set(PLACEHOLDER.findall(source.template))
        problems = [f"template: uses {{{name}}}, which fields does not define" for name in sorted(used - given)]
        return problems + ([] if used else ["template: names no field, as in '{title}: {text}'"])
    required, optional = SLOTS[source.kind]
    wanted = " or ".join("{" + ", ".join(sorted(slots)) + "}" for slots in required)
    if not any(slots <= given for slots in required):
        return [f"fields: kind {source.kind} needs {wanted}, got {{{', '.join(sorted(given))}}}"]
    known = frozenset().union(*required) | optional
    listed = ", ".join(sorted(known))
    return [f"fields.{name}: kind {source.kind} has no such slot (it has {listed})" for name in sorted(given - known)]


def _personal_problems(source: Source) -> list[str]:
    """A column that is declared personal is neither text nor key."""
    read = {f"fields.{slot}": [columns] if isinstance(columns, str) else columns for slot, columns in source.fields.items()}
    read["primary_key"] = [source.primary_key] if source.primary_key else []
    read["references"] = [reference.field for reference in source.references if reference.field]
    read["related"] = [related.field for related in source.related]
    hidden = tuple(source.personal)
    return [
        f"{place}: reads column {column}, which `personal` declares"
        for place, columns in read.items()
        for column in columns
        if column in hidden or column.startswith(tuple(f"{name}." for name in hidden))
    ]
