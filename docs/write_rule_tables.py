"""Write the tables of docs/cleaning.md from the registry of rules: `python docs/write_rule_tables.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from ecomct.rules import PROFILES, RULES, Rule
from ecomct.rules.sample import SAMPLE_RULES

PAGE = Path(__file__).parent / "cleaning.md"


def first_sentence(rule: Rule) -> str:
    """What the rule measures, as its docstring says first."""
    text = " ".join(inspect.getdoc(rule.measure).split("\n\n")[0].split())  # type: ignore[union-attr]
    return text.removesuffix(".").replace("|", "\\|")


def thresholds(rule: Rule) -> str:
    """Defaults, kinds of equal threshold together."""
    by_value: dict[float, list[str]] = {}
    for name in PROFILES:
        if name in rule.defaults:
            by_value.setdefault(rule.defaults[name], []).append(name)
    return "; ".join(
        f"{'all' if len(names) == len(PROFILES) else ', '.join(names)} {value:g}" for value, names in by_value.items()
    )


def rule_table() -> str:
    """Every rule in the order in which it is asked."""
    lines = ["| rule | measures | default | reason |", "|---|---|---|---|"]
    lines += [f"| `{rule.name}` | {first_sentence(rule)} | {thresholds(rule)} | {rule.reason} |" for rule in RULES.values()]
    return "\n".join(lines)


def sample_table() -> str:
    """The rules of the second pass."""
    lines = ["| rule | default | reason |", "|---|---:|---|"]
    return "\n".join(lines + [f"| `{name}` | {rule.default:g} | {rule.reason} |" for name, rule in SAMPLE_RULES.items()])


def write(page: str) -> str:
    """Replace every table between its markers."""
    for name, table in (("rules", rule_table()), ("samples", sample_table())):
        start, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, rest = page.split(start, 1)
        page = before + start + table + "\n" + rest[rest.index(end) :]
    return page


if __name__ == "__main__":
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
