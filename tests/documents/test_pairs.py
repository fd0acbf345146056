"""Key-values of a row: a name stands once with all its values, and the script is that of the values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecomct.documents.ingest import _script
from ecomct.documents.linearise import linearise
from ecomct.documents.refine import Refine
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.source import Source

PLACE = [
    ["故宫", "周边景点", "南锣鼓巷"],
    ["故宫", "周边景点", "天坛公园"],
    ["故宫", "门票", "旺季60元"],
    ["故宫", "周边景点", "南锣鼓巷"],
    ["故宫", "周边景点", "恭王府"],
]


def written(row: dict[str, Any], fields: dict[str, Any], language: str, style: str) -> tuple[str, dict[str, int]]:
    """The text of a row and what was done to it."""
    source = Source(path="x.jsonl", kind="attributes", language=language, serialization=style, fields=fields)
    refine = Refine(Cleaning(), source.language, {}, "attributes")
    made = linearise(row, source, refine, 0)
    for span in made.spans:
        assert 0 <= span.start < span.end <= len(made.text)
    return made.text, refine.take()


@pytest.mark.parametrize("style", ["json", "lines", "inline", "sentence"])
def test_a_repeated_name_stands_once(style: str) -> None:
    text, edits = written({"triples": PLACE}, {"pairs": "triples"}, "zh", style)
    assert text.count("周边景点") == 1
    assert text.count("南锣鼓巷") == 1
    assert "南锣鼓巷、天坛公园、恭王府" in text
    assert edits == {"joined:values": 2}
    if style == "json":
        assert json.loads(text) == {"周边景点": "南锣鼓巷、天坛公园、恭王府", "门票": "旺季60元"}


def test_names_that_differ_stay_as_they_are() -> None:
    row = {"brand": "Acme", "color": "red", "specs": [["size", "12 cm"], ["size", "5 in"]]}
    text, edits = written(row, {"columns": ["brand", "color"], "pairs": "specs"}, "en", "lines")
    assert text == "brand: Acme\ncolor: red\nsize: 12 cm, 5 in"
    assert edits == {"joined:values": 1}


@pytest.mark.parametrize(
    ("row", "script"),
    [
        ({"material": "金", "theme": "生肖"}, "zh"),
        ({"material": "银", "theme": "熊猫"}, "zh-Hans"),
        ({"material": "gold", "theme": "animals"}, "en"),
        ({"material": "999", "theme": "2016"}, "en"),  # no letters in the values: the names tell
    ],
)
def test_script_is_that_of_the_values(row: dict[str, str], script: str) -> None:
    source = Source(path="x.jsonl", kind="attributes", serialization="lines", fields={"columns": ["material", "theme"]})
    made = linearise(row, source, Refine(Cleaning(), "auto", {}, "attributes"), 0)
    assert _script(made.text, made.spans, "attributes") == script


def test_of_prose_all_text_counts() -> None:
    assert _script("标题 and a long English sentence that follows it", [], "review") != "zh-Hans"


def test_real_places_are_json_that_a_reader_loads_whole(shared: Path) -> None:
    file = shared / "data/catalogue/zh_travel/entities.jsonl"
    for line in file.read_text(encoding="utf-8").splitlines()[:300]:
        text, _ = written(json.loads(line), {"pairs": "triples"}, "zh", "json")
        pairs = json.loads(text, object_pairs_hook=list)
        assert len(dict(pairs)) == len(pairs)
