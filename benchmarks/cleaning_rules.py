"""What the rules keep of real data, by source and rule, and how many fields a second a profile judges.

    ECOMCT_SHARED=/path/to/data python benchmarks/cleaning_rules.py [--examples 20] [--write docs/cleaning.md]

Reads the sources of recipes/real-bilingual.yaml and three more tables through the whole cleaning (boilerplate is not sought).
Fields a second are of `Profile.judge` alone, by processor time: one process, the best of five passes over a source's first
20,000 fields.
`--examples` prints rejected fields by rule; `--write` replaces the table in the page.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ecomct.documents.linearise import Rejected, linearise
from ecomct.documents.refine import Refine
from ecomct.recipe import Recipe, Source, load_recipe
from ecomct.recipe.cleaning import ProfileName
from ecomct.rules import PROFILES, RULES, Passage, Profile, Verdict, compile_profile
from ecomct.sources.files import source_units
from ecomct.sources.readers import read_rows

ROOT = Path(__file__).parent.parent
START, END = "<!-- measured -->\n", "<!-- end -->"
_CATALOGUE, _GENERAL = "${ECOMCT_SHARED}/data/catalogue", "${ECOMCT_SHARED}/data/general"
MORE: dict[str, dict[str, Any]] = {
    "tmall_titles": {"path": f"{_CATALOGUE}/zh_tmall_titles.jsonl", "kind": "title", "fields": {"title": "title"}},
    "shopping_articles": {
        "path": f"{_CATALOGUE}/zh_shopping_articles.jsonl",
        "kind": "article",
        "fields": {"title": "title", "text": "content"},
    },
    "weekly_zh": {"path": f"{_GENERAL}/zh_weekly.jsonl.gz", "kind": "web", "role": "general", "fields": {"text": "content"}},
}


class Recorder(Refine):
    """Refines and notes what is judged."""

    seen: list[Passage]

    def judge(self, profile: ProfileName, passage: Passage) -> Verdict | None:
        self.seen.append(passage)
        return super().judge(profile, passage)


class Line(NamedTuple):
    """One line of the table: fields of one kind of one source."""

    source: str
    profile: str
    fields: int
    rejected: Counter[str]
    chars: float
    speed: float


def read_all() -> Recipe:
    """The recipe with the further tables, read as a recipe is."""

    document = yaml.safe_load((ROOT / "recipes/real-bilingual.yaml").read_text(encoding="utf-8"))
    document["sources"].update({name: {**source, "language": "zh"} for name, source in MORE.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return load_recipe(path)


def passages(recipe: Recipe, name: str) -> list[Passage]:
    """Every field of a source that a profile judges."""
    source: Source = recipe.sources[name]
    refine = Recorder(recipe.cleaning, source.language, {}, source.kind)
    refine.seen = []
    for unit in source_units(recipe, name):
        for row in read_rows(unit, [source.encoding] if isinstance(source.encoding, str) else source.encoding, source.limit):
            try:
                linearise(row.data or {}, source, refine, 0)
            except Rejected:
                continue
    return refine.seen


def speed(profile: Profile, given: list[Passage]) -> float:
    """Fields a second."""
    best = float("inf")
    for _ in range(5):
        begin = time.process_time()
        for passage in given:
            profile.judge(passage)
        best = min(best, time.process_time() - begin)
    return len(given) / best


def measure(recipe: Recipe, profiles: Mapping[str, Profile], examples: int) -> list[Line]:
    """All lines of the table; prints as it goes."""
    lines = []
    for name in recipe.sources:
        by_profile: dict[str, list[Passage]] = defaultdict(list)
        for passage in passages(recipe, name):
            by_profile[passage.profile].append(passage)
        for kind, given in by_profile.items():
            rejected: dict[str, list[Passage]] = defaultdict(list)
            for passage in given:
                if verdict := profiles[kind].judge(passage):
                    rejected[verdict.rule].append(passage)
            counts = Counter({rule: len(found) for rule, found in rejected.items()})
            chars = sum(len(passage.text) for passage in given) / len(given)
            lines.append(Line(name, kind, len(given), counts, chars, speed(profiles[kind], given[:20_000])))
            print(shown(lines[-1]), f"{chars:.0f} characters a field, {lines[-1].speed:,.0f} fields/s", flush=True)
            for rule, found in rejected.items():
                for passage in random.Random(17).sample(found, min(examples, len(found))):
                    print(f"    {rule}: {passage.name} {passage.text[:160]!r}")
    return lines


def shown(line: Line) -> str:
    """A line of the table in Markdown."""
    lost = sum(line.rejected.values())
    rules = ", ".join(f"`{rule}` {count:,}" for rule, count in line.rejected.most_common())
    return f"| {line.source} | {line.profile} | {line.fields:,} | {1 - lost / line.fields:.2%} | {rules} |"


def by_rule(lines: list[Line]) -> list[str]:
    """The table of what each rule is asked of and rejects, in Markdown."""
    table = ["| rule | fields asked | rejected | share |", "|---|---:|---:|---:|"]
    for rule in RULES.values():
        asked = sum(line.fields for line in lines if line.profile in rule.defaults)
        rejected = sum(line.rejected[rule.name] for line in lines)
        table.append(f"| `{rule.name}` | {asked:,} | {rejected:,} | {rejected / max(1, asked):.3%} |")
    return table


def by_source(lines: list[Line]) -> list[str]:
    """The table of what is kept of each source, in Markdown."""
    return ["| source | profile | fields | kept | rejected by |", "|---|---|---:|---:|---|", *map(shown, lines)]


def main() -> None:
    """Measure and print; see above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    recipe = read_all()
    profiles = {name: compile_profile(name) for name in PROFILES}
    lines = measure(recipe, profiles, given.examples)
    if given.write:
        page = given.write.read_text(encoding="utf-8")
        before, rest = page.split(START, 1)
        table = "\n".join([*by_source(lines), "", *by_rule(lines)])
        given.write.write_text(before + START + table + "\n" + rest[rest.index(END) :], encoding="utf-8")


if __name__ == "__main__":
    main()
