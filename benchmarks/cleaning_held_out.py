"""What the default rules keep of text that no threshold was chosen on: benchmark sets of titles, descriptions, chats and pages.

    ECOMCT_SHARED=/path/to/data python benchmarks/cleaning_held_out.py [--examples 60]

Distinct texts, through `clean_value` alone. Do not choose a threshold by this output: it would be held out no longer.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ecomct.documents.clean import clean_value
from ecomct.rules import Passage, compile_profile

BENCH = Path(os.environ.get("ECOMCT_SHARED", ".")) / "data/bench"
_LABELS = re.compile(r"^(?:<\S+> )+")


def lines(name: str) -> Iterator[str]:
    """Lines of a file of the benchmark folder."""
    with open(BENCH / name, encoding="utf-8") as file:
        yield from (line.rstrip("\n") for line in file)


def spaced_out(name: str) -> Iterator[str]:
    """Texts whose characters are parted by spaces, after labels such as <4>."""
    for line in lines(name):
        yield _LABELS.sub("", line).replace(" ", "")


def queries() -> Iterator[str]:
    """Texts written one character a line, with a blank line after each."""
    text = ""
    for line in [*lines("dsner_ec/test"), ""]:
        if line.strip():
            text += line.split()[0]
        else:
            yield text
            text = ""


def utterances() -> Iterator[str]:
    """What customers said to a shop."""
    for name in ("test", "valid"):
        for line in lines(f"jddc_intent/{name}_jddc.txt"):
            yield from (said.split("|||")[0] for said in ast.literal_eval(line.split("\t")[0]))


def contexts(name: str) -> Iterator[str]:
    """Paragraphs of a reading comprehension set."""
    for article in json.loads((BENCH / name).read_text(encoding="utf-8"))["data"]:
        yield from (paragraph["context"] for paragraph in article["paragraphs"])


SETS: list[tuple[str, str, str, Callable[[], Iterator[str]]]] = [
    ("kobe titles", "title", "zh", lambda: spaced_out("kobe/test.src.str")),
    ("kobe descriptions", "description", "zh", lambda: spaced_out("kobe/test.tgt.str")),
    ("dsner_ec queries", "title", "zh", queries),
    ("advertisegen", "description", "zh", lambda: (json.loads(line)["summary"] for line in lines("advertisegen/dev.json"))),
    ("jddc utterances", "question", "zh", utterances),
    ("cmrc2018 contexts", "web", "zh", lambda: contexts("cmrc2018/cmrc2018_dev.json")),
    ("squad_v2 contexts", "web", "en", lambda: contexts("squad_v2/dev-v2.0.half.json")),
    ("agnews", "article", "en", lambda: (row[2] for row in csv.reader(lines("agnews/test.csv")))),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=0)
    examples = parser.parse_args().examples
    print("| set | profile | texts | kept | rejected by |\n|---|---|---:|---:|---|")
    for name, kind, language, read in SETS:
        profile = compile_profile(kind)
        texts = [text for raw in dict.fromkeys(read()) if (text := clean_value(raw, kind in ("web", "article")))]
        rejected = [(verdict, text) for text in texts if (verdict := profile.judge(Passage(text, kind, language)))]
        rules = ", ".join(f"`{rule}` {count:,}" for rule, count in Counter(v.rule for v, _ in rejected).most_common())
        print(f"| {name} | {kind} | {len(texts):,} | {1 - len(rejected) / len(texts):.2%} | {rules} |")
        for verdict, text in rejected[:examples]:
            print(f"    {verdict.rule} {verdict.value:.2f} {text[:80]!r}")


if __name__ == "__main__":
    main()
