"""Benchmark files in the forms that they come in: which texts, titles and keys they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecomct.decontamination.items import Item, Role, Text, read_benchmark, task_item
from ecomct.errors import InputError
from ecomct.recipe.decontamination import Benchmark

KEYS = frozenset({"item_id"})


def read(path: Path, content: str | bytes, **setting: Any) -> list[Item]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_benchmark([path], Benchmark(path=str(path), **setting), KEYS))


def texts(items: list[Item], role: str = "text") -> list[list[str]]:
    return [[text for text, its_role in item.texts if its_role == role] for item in items]


def lines(*records: Any) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


def test_json_lines_by_any_name(tmp_path: Path) -> None:
    content = lines(
        {"sentence": "一句话", "label": "news_game", "id": 7}, {"a": {"b": ["x", "y"]}, "item_id": 12.0, "level": "easy"}
    )
    for name in ("a.jsonl", "a.json"):
        items = read(tmp_path / name, content)
        assert [item.place for item in items] == [f"{name}:1", f"{name}:2"]
        assert texts(items) == [["一句话"], ["x", "y"]]
        assert [item.keys for item in items] == [[], ["12"]]


def test_paragraphs_of_questions_and_answers(tmp_path: Path) -> None:
    qas = [{"question": "谁建了这座桥?", "id": "Q1", "answers": [{"text": "城里的人", "answer_start": 0}, {"text": "城里的人"}]}]
    paragraphs = [{"context": "城里的人建了这座桥。", "qas": qas}, {"context": "第二段。", "qas": []}]
    items = read(tmp_path / "squad.json", json.dumps({"version": "v1", "data": [{"title": "桥", "paragraphs": paragraphs}]}))
    assert texts(items) == [["城里的人建了这座桥。", "谁建了这座桥?"], ["第二段。"]]
    assert texts(items, "answer") == [["城里的人"], []]


def test_a_list_of_conversations(tmp_path: Path) -> None:
    items = read(tmp_path / "a.json", json.dumps([{"conversations": [{"from": "human", "value": "a question"}]}]))
    assert texts(items) == [["human", "a question"]]


def test_tables_with_and_without_names(tmp_path: Path) -> None:
    bare = read(tmp_path / "a.csv", '"3","A title","Two\nlines, really"\n"4","B","c"\n')
    assert [item.place for item in bare] == ["a.csv:1", "a.csv:3"]
    assert texts(bare) == [["3", "A title", "Two\nlines, really"], ["4", "B", "c"]]
    named = read(tmp_path / "b.csv", "item_id,title,note\n7.0,Red kettle,good\n")
    assert (texts(named), texts(named, "title"), named[0].keys) == ([["7.0", "good"]], [["Red kettle"]], ["7"])
    chosen = read(tmp_path / "c.tsv", 'sku\tq\tname\nX1\tsaid "so\tNo. 1\n', text=["q"], title=["name"], id=["sku"])
    assert (texts(chosen), texts(chosen, "title"), chosen[0].keys) == ([['said "so']], [["No. 1"]], ["X1"])


def test_lines_tags_and_spaced_out_text(tmp_path: Path) -> None:
    assert texts(read(tmp_path / "a.txt", "one\n\n two \r\n")) == [["one"], ["two"]]
    tagged = read(tmp_path / "a.test", "红 B-C\n伞 I-C\n\n\nRed O\nhat O\n", format="conll")
    assert ([item.place for item in tagged], texts(tagged)) == (["a.test:1", "a.test:5"], [["红伞"], ["Red hat"]])
    spaced = "卡 普 斯 专 业 级 小 提 琴 2 0 1 8 新 款"
    assert texts(read(tmp_path / "b.txt", spaced)) == [["卡普斯专业级小提琴2018新款"]]


def test_encodings_are_tried_in_order(tmp_path: Path) -> None:
    assert texts(read(tmp_path / "a.txt", "白色上衣".encode("gb18030"), encoding=["utf-8", "gb18030"])) == [["白色上衣"]]
    with pytest.raises(InputError, match="not utf-8; name the file's encoding"):
        read(tmp_path / "b.txt", "白色上衣".encode("gb18030"))


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.md", "x", "no format is known for this name"),
        ("a.json", '{"a": 1', "not JSON"),
        ("a.jsonl", '{"a": 1}\n{torn', "a.jsonl:2: not JSON"),
    ],
)
def test_faults_name_the_place(tmp_path: Path, name: str, content: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        read(tmp_path / name, content)


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ("Title: 红伞, Attritute: 颜色#:#红", [("红伞", "title"), ("颜色#:#红", "text")]),
        ("Title: a, b, Attribute: c#:#d", [("a, b", "title"), ("c#:#d", "text")]),
        (
            "Item 1: 红, 伞, 颜色#:#红#;#长#:#1,\nItem 2: 帽, 颜色#:#绿",
            [("红, 伞", "title"), ("颜色#:#红#;#长#:#1", "text"), ("帽", "title"), ("颜色#:#绿", "text")],
        ),
        ("红伞\t颜色#:#红", [("红伞", "title"), ("颜色#:#红", "text")]),
        ("Query: 伞\nDoc: 红伞", [("", "text"), ("伞", "text"), ("红伞", "text")]),
        ("一句话, 没有格式", [("一句话, 没有格式", "text")]),
    ],
)
def test_parts_of_a_task_item(sentences: str, expected: list[tuple[str, Role]]) -> None:
    spans = [{"term": "一个标题"}]
    item = task_item("t:1", {"sentences": sentences, "spans": spans, "item_id": 3}, False, KEYS)
    assert item == Item("t:1", [*(Text(text, role) for text, role in expected), Text("一个标题", "answer")], ["3"])
    assert task_item("t:1", {"sentences": "x", "spans": spans}, True, KEYS).texts[1].role == "title"
