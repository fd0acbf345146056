"""Masking of personal data: recall and precision by kind on the labelled cases, and speed, beside other toolkits.

    python benchmarks/privacy.py [FIELDS]

The cases are those of tests/documents/privacy_cases.py. Speed is of processor time over short fields: the real rows at
ECOMCT_SHARED, or without them the texts of the cases. Toolkits run in `.venv-bench` (`make bench-toolkits`).
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parent.parent / "tests/documents"), str(Path(__file__).parent)]

import privacy_cases
from _figures import machine, markdown, run_toolkit
from privacy_score import score

from ecomct.documents.clean import clean_value
from ecomct.documents.privacy import mask
from ecomct.documents.reformulate import reformulate
from ecomct.recipe.personal import PERSONAL

KINDS = frozenset(PERSONAL)
SETS = ("DEV", "TEST", "SECOND", "LABELLED")
# What each toolkit says it masks; it is judged by that alone.
KNOWS = {"datatrove": ("email", "ip"), "py-data-juicer": ("email", "ip"), "phonenumbers": ("phone",)}
ROWS = {
    "catalogue/zh_tmall_titles.jsonl": "title",
    "catalogue/zh_cncoin/qa.jsonl": "content",
    "catalogue/zh_cncoin/reviews.jsonl": "content",
    "catalogue/zh_reviews_10_categories.jsonl.gz": "review",
    "catalogue/en_amazon_pqa/products.jsonl": "title",
    "catalogue/en_amazon_pqa/cqas.jsonl": "text",
    "catalogue/en_amazon_pqa/reviews.jsonl": "text",
    "catalogue/en_giftcards/reviews.jsonl": "reviewText",
}


def fields(limit: int) -> tuple[str, list[str]]:
    """Short real fields, as many from each table, cleaned; and where they are from."""
    shared = os.environ.get("ECOMCT_SHARED")
    if not shared:
        return "texts of the cases", [case.text for name in SETS for case in _cases(name)] * max(1, limit // 1000)
    texts: list[str] = []
    for path, column in ROWS.items():
        file = Path(shared, "data", path)
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            texts += list(_texts(lines, column))[: limit // len(ROWS)]
    return f"real fields of {len(ROWS)} tables", texts


def _texts(lines: Iterator[str], column: str) -> Iterator[str]:
    for line in lines:
        if text := clean_value(str(json.loads(line).get(column) or "")):
            yield text


def _cases(name: str) -> list[privacy_cases.Case]:
    return [*getattr(privacy_cases, name), *getattr(privacy_cases, name + "_NOT")]


def main(limit: int = 16_000) -> None:
    """Print the tables."""
    cases = [case for name in SETS for case in _cases(name)]
    where, texts = fields(limit)
    print(machine())
    ours = score(cases, lambda text: mask(text, KINDS)[0])
    total = [None, *PERSONAL]
    lines = [
        [
            kind or "all",
            str(sum(kind is None or kind == one for case in cases for one, _, _ in case.personal)),
            *(f"{share(kind, chars):.3f}" for chars in (False, True) for share in (ours.recall, ours.precision)),
        ]
        for kind in total
    ]
    print(f"{len(cases)} labelled cases, {sum(not case.personal for case in cases)} of them hard negatives\n")
    print(markdown(["kind", "cases", "recall", "precision", "recall, characters", "precision, characters"], lines))

    seconds = _seconds(texts)
    chars = sum(map(len, texts)) / len(texts)
    table = [["ecomct", "ten kinds", f"{ours.recall():.3f}", f"{ours.precision():.3f}", f"{len(texts) / seconds[0]:,.0f}"]]
    table.append(["ecomct, reformulate", "", "", "", f"{len(texts) / seconds[1]:,.0f}"])
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "texts.json")
        given.write_text(json.dumps({"cases": [case.text for case in cases], "fields": texts}), encoding="utf-8")
        facts = run_toolkit("personal_data.py", Path(folder), str(given))
    for name, kinds in KNOWS.items():
        fact: dict[str, Any] = {"missing": facts} if isinstance(facts, str) else facts[name]
        if "missing" in fact:
            table.append([name, str(fact["missing"])])
            continue
        masked = dict(zip([case.text for case in cases], fact["masked"], strict=True))
        known = [case._replace(personal=[one for one in case.personal if one[0] in kinds]) for case in cases]
        theirs = score(known, masked.__getitem__)
        figures = [f"{theirs.recall():.3f}", f"{theirs.precision():.3f}", f"{len(texts) / fact['seconds']:,.0f}"]
        table.append([f"{name} {fact['version']}", ", ".join(kinds), *figures])
    print(f"\n{len(texts):,} {where}, {chars:.0f} characters on average; a toolkit is judged by the kinds it knows\n")
    print(markdown(["", "masks", "recall", "precision", "fields/s, one core"], table))


def _seconds(texts: list[str]) -> tuple[float, float]:
    """Processor seconds of masking and of reformulation, the best of three."""
    times: list[list[float]] = [[], []]
    for _ in range(3):
        begin = time.process_time()
        for text in texts:
            mask(text, KINDS)
        middle = time.process_time()
        for text in texts:
            reformulate(text)
        times[0].append(middle - begin)
        times[1].append(time.process_time() - middle)
    return min(times[0]), min(times[1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
