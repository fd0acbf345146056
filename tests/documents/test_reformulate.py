"""Raw fields made text: what is certain is mended, what is not stays, and good text is not touched."""

from __future__ import annotations

import base64
import doctest
import gzip
import html
import importlib
import json
import pkgutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecomct.documents.reformulate
from ecomct.documents.reformulate import reformulate
from ecomct.documents.reformulate.loose import parse_loose

_ZH = "这款保温杯的质量非常好,保温时间长,外观也漂亮,推荐购买"
_EN = "The café’s “naïve” crème brûlée – 100 % good, Größe 42"


@pytest.mark.parametrize("text", ["我们的产品质量好,欢迎选购", "我们的产品", "价格便宜,做工精细。"])
def test_utf8_that_was_read_as_something_else(text: str) -> None:
    assert reformulate(text.encode().decode("latin-1")) == (text, ("mojibake",))
    read = 0
    for end in range(2, len(text) + 1):
        try:
            garbled = text[:end].encode().decode("gbk")
        except UnicodeDecodeError:
            continue  # lossy
        assert reformulate(garbled) == (text[:end], ("mojibake",))
        read += 1
    assert read >= 2


def test_gbk_that_was_read_as_latin() -> None:
    assert reformulate(_ZH.encode("gbk").decode("latin-1")) == (_ZH, ("mojibake",))


def test_western_text_that_was_read_as_windows() -> None:
    assert reformulate(_EN.encode().decode("cp1252", "replace").replace("\ufffd", "\x9d")) == (_EN, ("mojibake",))


@pytest.mark.parametrize(
    ("text", "mended"),
    [(r"Hose 3/8\" x 25\", blue", 'Hose 3/8" x 25", blue'), (r"The \\\"big\\\" one", 'The "big" one')],
)
def test_escaped_quotation_marks(text: str, mended: str) -> None:
    assert reformulate(text) == (mended, ("escapes",))


@pytest.mark.parametrize("text", [r'echo "a \"b\" c"', r"C:\dir\file", r"it\'s", 'a 5" pipe'])
def test_a_backslash_elsewhere_stays(text: str) -> None:
    assert reformulate(text) == (text, ())


def test_lost_bytes_are_kept_and_marked() -> None:
    text = "鎴戜滑鐨勪骇鍝\ufffd"
    assert reformulate(text) == (text, ("kept:mojibake",))
    assert reformulate("锟斤拷锟斤拷") == ("锟斤拷锟斤拷", ("kept:mojibake",))


@pytest.mark.parametrize(
    "text",
    [
        _ZH,
        _EN,
        "浣熊 干脆面 犄角",
        "Größe: 42, Ünïcödé, ÀÉÎÕÜ, São Tomé",
        "3×4 · 25°C ±1 ½ µm «citation» ¿qué? ÆØÅ æøå",
        "見本 電視機 臺灣 龜鶴",
        "Ａｂｃ １２３ ーアイウ 한국어 ру́сский",
        "AT&T; R&D, {sic} [new] (a:b) 10:30, 颜色: 红色, 尺码: XL",
        "a < b > c",
        "颜色:红色 尺码:XL",
        "[正品] 保温杯 {500ml}",
        "[1]",
        "see https://a.b/c?x={y}&z=[1]",
        "好" * 100,
        "f47ac10b58cc4372a5670e02b2c3d479f47ac10b58cc4372a5670e02b2c3d479",
        "A" * 300,
        "C:\\users\\name",
        "{0} items of {1}",
        "{color}",
        "body { margin: 0 }",
    ],
)
def test_good_text_is_not_touched(text: str) -> None:
    assert reformulate(text) == (text, ())


_WORDS = st.text(st.sampled_from("abcXYZ 09-红色尺码大小,;:{}[]'\"\\/<&"), min_size=1, max_size=12).filter(
    lambda word: word not in ("unit", "value")
)


@given(
    st.dictionaries(_WORDS, st.one_of(_WORDS, st.integers(), st.lists(_WORDS, min_size=1, max_size=3)), min_size=1, max_size=5)
)
@settings(max_examples=400, deadline=None)
def test_a_mapping_in_json_is_told_in_its_order(value: dict[str, str | int | list[str]]) -> None:
    told = "; ".join(f"{name}: {', '.join(item) if isinstance(item, list) else item}" for name, item in value.items())
    mended, kinds = reformulate(json.dumps(value, ensure_ascii=False))
    assert kinds[0] == "json"
    assert mended == told or {"run_together", "markup", "wikitext"} & set(kinds)


def test_forms_of_the_same_mapping() -> None:
    value = {"颜色": "红色", "size": ["S", "M"], "n": 3}
    told = ("颜色: 红色; size: S, M; n: 3", ("json",))
    text = json.dumps(value, ensure_ascii=False)
    assert reformulate(text) == told
    assert reformulate(json.dumps(value)) == told
    assert reformulate(f"\n {text} ") == told
    assert reformulate(str(value)) == told
    assert reformulate(html.escape(text)) == told
    assert reformulate(html.escape(html.escape(text))) == told
    assert reformulate(text.replace('"', '\\"')) == told
    assert reformulate("规格: " + text) == ("规格: " + told[0], ("json",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"name": "色", "value": "红"}, {"name": "码", "value": 3}]', "色: 红; 码: 3"),
        ('[["a", "b"], ["c", "d"]]', "a: b; c: d"),
        ('["a", "b"]', "a, b"),
        ('{"a": null, "b": "", "c": true, "d": {"e": {"f": 1}}}', "c: true; d: e: f: 1"),
        ("{}", ""),
        ("item_weight:  { unit:kilograms, normalized_value:{ unit:pounds, value:0.4 }, value:0.18 }",
         "item_weight: 0.18 kilograms; normalized_value: 0.4 pounds"),
        ("width:  { unit:inches, normalized_value:{ unit:inches, value:7. }, value:7. }", "width: 7. inches"),
        ('platform:  { value:mac }; { value:"win dows" }', "platform: mac, win dows"),
        ('size:  { value:"9|" x 3|"" }', 'size: 9" x 3"'),
    ],
)  # fmt: skip
def test_notations(text: str, told: str) -> None:
    assert reformulate(text) == (told, ("json",))


@pytest.mark.parametrize(
    "text", ['{"a": "b"', '{"a": "b",,}', '[{"a": 1}, {"b"', '{"a": 1} {"b": 2}', '{"a": b c"d}', '{"' + 'a":{"' * 60]
)
def test_broken_json_is_kept_and_marked(text: str) -> None:
    assert reformulate(text) == (text, ("kept:json",))


def test_numbers_are_told_as_they_are_written() -> None:
    assert reformulate('{"a": 12345678901234567890123, "b": 1.50, "c": 1e5}') == (
        "a: 12345678901234567890123; b: 1.50; c: 1e5",
        ("json",),
    )


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{'a': 1, 'a': 2}", "{'a': '\\ud800'}"])
def test_what_would_be_lost_is_kept(text: str) -> None:
    assert reformulate(text) == (text, ("kept:json",))


def test_deep_notation_is_no_crash() -> None:
    for text in (
        "[" * 100_000,
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        "{a:" * 20_000 + "1" + "}" * 20_000,
        "[(" * 5000 + ")]" * 5000,
    ):
        assert reformulate(text)[0] == text


def test_base64() -> None:
    inside = base64.b64encode(_ZH.encode()).decode()
    assert reformulate(inside) == (_ZH, ("base64",))
    assert reformulate(f"see {inside} !") == (f"see {_ZH} !", ("base64",))
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3).decode()
    assert reformulate(picture) == ("", ("base64",))
    assert reformulate(f'<img src="data:image/png;base64,{picture}"> ok') == ('<img src=""> ok', ("base64",))
    unknown = base64.b64encode(bytes(range(255, -1, -1)) * 3).decode()
    assert reformulate(unknown) == (unknown, ("kept:base64",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("颜色:红色尺码:XL重量:2kg", "颜色:红色; 尺码:XL; 重量:2kg"),
        ("品牌:小米颜色分类:黑色,产地:中国", "品牌:小米; 颜色分类:黑色,产地:中国"),
        ("Color:RedSize:XL", "Color:Red; Size:XL"),
        ("Brand Name:ACMEMaterial:Steel", "Brand Name:ACMEMaterial:Steel"),
        ("brand#:#X#;#color#:#red", "brand: X; color: red"),
        ("颜色:红色上市时间:10:30", "颜色:红色; 上市时间:10:30"),
    ],
)
def test_run_together_values(text: str, told: str) -> None:
    assert reformulate(text)[0] == told
    assert reformulate(told)[0] == told


def test_run_together_with_an_unknown_name_is_kept_and_marked() -> None:
    text = "颜色:红色某某:1尺码:XL"
    assert reformulate(text) == (text, ("kept:run_together",))


def test_a_tag_that_the_end_cuts_off() -> None:
    assert reformulate('杯子 <img src="http://a.b/c.jp') == ("杯子 ", ("markup",))
    assert reformulate("a <b") == ("a <b", ())


@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "[",
                "]",
                '"',
                "'",
                ":",
                ",",
                "a",
                "1",
                " ",
                "\\",
                "&quot;",
                "value",
                "颜色:",
                "Ã©",
                "æ",
                "鎴戜滑",
                "<p",
                "=",
            ]
        ),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=1200, deadline=None)
def test_no_notation_is_too_odd(text: str) -> None:
    mended, kinds = reformulate(text)
    assert all(
        kind.removeprefix("kept:") in ("mojibake", "base64", "escapes", "json", "run_together", "markup") for kind in kinds
    )
    assert mended == text or any(not kind.startswith("kept:") for kind in kinds)
    parse_loose(text, True)


@given(st.text())
@settings(max_examples=400, deadline=None)
def test_no_text_is_too_odd(text: str) -> None:
    reformulate(text)


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[",
        '{"a":',
        "{a:",
        '"',
        "颜色:",
        "颜色:a",
        "Ã©",
        "æ\x88",
        "鎴",
        "ÎÒ",
        "QUJD",
        "<a ",
        "&quot;",
        "\\",
        "{a:1},",
        "a:{b:'",
    ],
)
def test_long_repetitions_take_linear_time(unit: str) -> None:
    reformulate(unit * (60_000 // len(unit)))
    reformulate("{" + unit * (40_000 // len(unit)) + "}")
    reformulate("x: {" + unit * (40_000 // len(unit)) + "}")


def test_doctests() -> None:
    for module in pkgutil.iter_modules(ecomct.documents.reformulate.__path__, "ecomct.documents.reformulate."):
        assert doctest.testmod(importlib.import_module(module.name)).failed == 0


def test_real_text_is_mended_only_where_it_is_broken(shared: Path) -> None:
    """Every field that changes, and why, is known."""
    data = shared / "data"
    told: dict[str, int] = {}
    for name in (
        "catalogue/zh_tmall_titles.jsonl",
        "catalogue/zh_cncoin/qa.jsonl",
        "general/en_openwebtext.jsonl",
        "catalogue/zh_reviews_10_categories.jsonl.gz",
    ):
        with gzip.open(data / name, "rt") if name.endswith("gz") else open(data / name, encoding="utf-8") as lines:
            for line in lines:
                for value in json.loads(line).values():
                    mended, kinds = reformulate(value) if isinstance(value, str) else (value, ())
                    assert mended == value or kinds
                    for kind in kinds:
                        told[f"{name}: {kind}"] = told.get(f"{name}: {kind}", 0) + 1
    assert told == {"general/en_openwebtext.jsonl: mojibake": 3, "catalogue/zh_reviews_10_categories.jsonl.gz: wikitext": 1}


def test_real_attributes_in_a_loose_notation_are_read(shared: Path) -> None:
    texts = [
        json.loads(line)["text"] for line in (shared / "data/catalogue/en_amazon_pqa/attributes.jsonl").open(encoding="utf-8")
    ]
    read = [reformulate(text) for text in texts]
    assert sum(kinds == ("json",) for _, kinds in read) >= 0.999 * len(texts)
    assert not any("{" in mended for mended, kinds in read if kinds == ("json",))
