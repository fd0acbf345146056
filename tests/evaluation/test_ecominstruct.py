from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ecomct.errors import InputError
from ecomct.evaluation.baselines import baselines, copied_values
from ecomct.evaluation.ecominstruct import draw, read_task
from ecomct.evaluation.metrics import parse_spans, score
from ecomct.evaluation.statistics import estimate

META: dict[str, Any] = {
    "task": "match",
    "defi": "title matching",
    "label_set": {"en": ["no", "yes"], "zh": ["否", "是"]},
    "label_key": "en",
    "label_sep": ", ",
    "test_prompt": {"instruction": "### Instruction:\n{sentences}\nCandidate: {label_set}. \n### Response:"},
}


def write_task(folder: Path, rows: list[Any], meta: dict[str, Any] | None = None, *, end: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "meta-info.json").write_text(json.dumps(meta or META, ensure_ascii=False), encoding="utf-8")
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "test.json").write_text("\n".join(lines) + end, encoding="utf-8")
    return folder


def choice(text: str, label: str = "yes") -> dict[str, Any]:
    return {"sentences": text, "labels": {"en": [label], "zh": ["是"]}}


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_choice_task(tmp_path: Path, end: str) -> None:
    rows = [choice("a {label_set} {x}"), choice("b", "no"), choice("a {label_set} {x}", "no"), choice("c")]
    task = read_task(write_task(tmp_path / "ZH-Shop-CLS-match-it", rows, end=end))
    assert (task.language, task.type, task.name, task.labels, task.rows) == ("ZH", "CLS", "match", ("no", "yes"), 4)
    assert [item.line for item in task.items] == [1, 2, 4]
    assert task.items[0].prompt == (
        "Below is an instruction that describes the title matching task. "
        "Write a response that appropriately completes the request.\n"
        "### Instruction:\na {label_set} {x}\nCandidate: no, yes. \n### Response:"
    )
    assert task.items[1].answers == ("no",)
    assert task.items[1].candidates == ("no", "yes")


def test_span_and_text_tasks(tmp_path: Path) -> None:
    meta = META | {"label_set": {"cn": ["颜色", "材质", "版型"]}, "label_key": "cn"}
    spans = [{"type": "材质", "term": "棉"}, {"type": "颜色", "term": "红"}, {"type": "材质", "term": "麻"}]
    task = read_task(write_task(tmp_path / "ZH-Shop-NER-spans", [{"sentences": "红棉麻裙", "spans": spans}], meta))
    assert task.items[0].answers == ("颜色: 红\n材质: 棉, 麻\n版型: None",)
    assert task.items[0].candidates == ()
    text = read_task(write_task(tmp_path / "EN-Shop-Generate-title", [{"sentences": "a", "spans": [{"term": "x y"}]}]))
    assert text.items[0].answers == ("x y",)


def test_draw_depends_on_content_and_seed_only(tmp_path: Path) -> None:
    rows = [choice(f"item {i}") for i in range(60)]
    items = read_task(write_task(tmp_path / "ZH-A-CLS-x", rows)).items
    turned = read_task(write_task(tmp_path / "ZH-B-CLS-x", rows[::-1])).items
    drawn = draw(items, 20, 3)
    assert len(drawn) == 20
    assert [item.line for item in drawn] == sorted(item.line for item in drawn)
    assert {item.text for item in drawn} == {item.text for item in draw(turned, 20, 3)}
    assert {item.text for item in drawn} != {item.text for item in draw(items, 20, 4)}
    assert {item.text for item in drawn} <= {item.text for item in draw(items, 30, 3)}
    assert draw(items, 100, 3) == list(items)


@pytest.mark.parametrize(
    ("name", "rows", "meta", "fault"),
    [
        ("ZH-A-CLS-x", [choice("a"), "{oops"], META, r"test\.json:2: not JSON"),
        ("ZH-A-CLS-x", [choice("a"), "[1]"], META, r"test\.json:2: not a JSON object"),
        ("ZH-A-CLS-x", [choice("a"), {"labels": {"en": ["yes"]}}], META, r"test\.json:2: no text in 'sentences'"),
        ("ZH-A-CLS-x", [choice("a"), {"sentences": "b"}], META, r"test\.json:2: no list of gold labels in labels\['en'\]"),
        ("ZH-A-CLS-x", [choice("a", "maybe")], META, r"test\.json:1: label 'maybe' is not in the label set"),
        ("ZH-A-CLS-x", ['{"sentences": "\\ud800", "labels": {"en": ["yes"]}}'], META, r"test\.json:1: .*surrogate"),
        ("ZH-A-CLS-x", ["", " "], META, r"test\.json: holds no record"),
        ("ZH-A-CLS-x", [choice("a")], META | {"label_key": "fr"}, r"meta-info\.json: label_set\[label_key\]"),
        ("ZH-A-CLS-x", [choice("a")], META | {"defi": 1}, r"meta-info\.json: no text in 'defi'"),
        ("ZH-A-CLS-x", [choice("a")], META | {"test_prompt": {"instruction": "?"}}, r"has no \{sentences\} slot"),
        ("ZH-A-NER-x", [{"sentences": "a"}], META, r"test\.json:1: 'spans' is not a list"),
        ("ZH-A-NER-x", [{"sentences": "a", "spans": [{"term": "a", "type": "z"}]}], META, r":1: span type 'z' is not"),
        ("ZH-A-NER-x", [{"sentences": "a", "spans": [{"type": "yes"}]}], META, r":1: spans: no text in 'term'"),
        ("ZH-A-Extract-x", [{"sentences": "a", "spans": []}], META, r":1: 'spans' is empty"),
        ("ZH-A-Magic-x", [choice("a")], META, r"named LANG-DATASET-TYPE-task"),
    ],
)
def test_faults_are_one_line_with_their_place(
    tmp_path: Path, name: str, rows: list[Any], meta: dict[str, Any], fault: str
) -> None:
    folder = write_task(tmp_path / name, rows, meta)
    with pytest.raises(InputError, match=fault) as caught:
        read_task(folder)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "ZH-A-CLS-x", [choice("a")])
    (folder / "test.json").unlink()
    with pytest.raises(InputError, match=r"test\.json: cannot be read"):
        read_task(folder)


def test_baselines_of_a_choice(tmp_path: Path) -> None:
    rows = [choice("a"), choice("b", "no"), choice("c")]
    found = baselines("choice", read_task(write_task(tmp_path / "ZH-A-CLS-x", rows)).items)
    assert list(found) == ["majority (yes)", "always no"]
    assert [one.numerator for one in found["majority (yes)"]] == [1, 0, 1]
    assert [one.numerator for one in found["always no"]] == [0, 1, 0]


def test_baselines_of_spans(tmp_path: Path) -> None:
    rows = [{"sentences": "红裙", "spans": [{"type": "yes", "term": "红裙"}]}, {"sentences": "b", "spans": []}]
    found = baselines("spans", read_task(write_task(tmp_path / "ZH-A-NER-x", rows)).items)
    assert [(one.numerator, one.denominator) for one in found["all None"]] == [(0, 1), (0, 0)]
    assert [(one.numerator, one.denominator) for one in found["whole sentence as yes"]] == [(2, 2), (0, 1)]


def test_baselines_of_text(tmp_path: Path) -> None:
    assert copied_values("品牌#:#A牌#;#颜色#:#红") == "A牌 红"
    assert copied_values("no pairs # here") == "no pairs # here"
    rows = [
        {"sentences": "k#:#红裙", "spans": [{"term": "红裙"}]},
        {"sentences": "k#:#蓝裙", "spans": [{"term": "红裙子"}]},
        {"sentences": "k#:#鞋", "spans": [{"term": "鞋"}]},
    ]
    found = baselines("rouge", read_task(write_task(tmp_path / "ZH-A-Generate-x", rows)).items)
    assert [one.numerator for one in found["copy the input values"]] == pytest.approx([1.0, 0.4, 1.0])
    # Each item is answered by an answer of the others, never by its own.
    assert [one.numerator for one in found["typical answer of other items"]] == pytest.approx([0.8, 0.8, 0.0])


SHARED = os.environ.get("ECOMCT_SHARED")
real = pytest.mark.skipif(not SHARED, reason="ECOMCT_SHARED is not set: no EcomInstruct files")


def real_folders() -> list[Path]:
    return sorted(Path(SHARED or "").glob("data/bench/ecominstruct/*/tasks/*"))


@real
def test_real_folders() -> None:
    folders = real_folders()
    assert len(folders) >= 5
    for folder in folders:
        task = read_task(folder)
        assert task.rows == 500
        assert len({item.text for item in task.items}) == len(task.items) > 490
        for item in task.items:
            assert not re.search(r"\{(sentences|label_set)\}", item.prompt)
            assert item.prompt.rstrip().endswith("### Response:")
            scorer = {"CLS": "choice", "NER": "spans"}.get(task.type, "rouge")
            best = score(scorer, item.answers[0], item.answers)
            assert best.numerator == best.denominator > 0


@real
def test_real_attribute_values() -> None:
    folder = next(path for path in real_folders() if "-NER-" in path.name)
    task, count = read_task(folder), 0
    lines = (folder / "test.json").read_text(encoding="utf-8").split("\n")
    for item in task.items:
        spans = json.loads(lines[item.line - 1])["spans"]
        count += len(spans)
        assert all(item.text[span["start"] : span["end"]] == span["term"] for span in spans)
        assert parse_spans(item.answers[0]) == {(span["type"], span["term"]) for span in spans}
    assert count == 629


@real
def test_real_majority_is_what_is_published_as_chance() -> None:
    folder = next(path for path in real_folders() if path.name.endswith("title_attribute_matching"))
    found = baselines("choice", read_task(folder).items)
    judged = found["majority (not match)"]
    value = estimate([one.numerator for one in judged], [one.denominator for one in judged]).value
    assert value == pytest.approx(0.552, abs=0.005)
