"""Rows to documents: cleaning, language, linearisation with exact spans, duplicates, accounts."""

from __future__ import annotations

import dataclasses
import doctest
import gzip
import json
import pickle
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecomct.documents import clean, ingest, language
from ecomct.documents.clean import clean_value
from ecomct.documents.ingest import ingest_task, ingest_unit, iter_shard
from ecomct.documents.language import script_language
from ecomct.documents.linearise import Rejected, Span, linearise
from ecomct.documents.refine import Refine
from ecomct.documents.schema import DOCUMENTS, REJECTED
from ecomct.errors import InputError
from ecomct.recipe import Source, load_recipe
from ecomct.recipe.cleaning import Cleaning
from ecomct.rules.rule import PROFILES, RULES
from ecomct.sources.files import source_units

Shop = Callable[..., Path]
# Fields are cleaned, no rule judges them: templates are tried on single letters.
UNJUDGED = Refine(Cleaning(profiles={name: dict.fromkeys(RULES) for name in PROFILES}), "auto", {})

# --- cleaning


@pytest.mark.parametrize("module", [clean, language])
def test_examples_in_the_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        # Text that only looks like markup stays.
        ("I <3 it", "I <3 it"),
        ("a < b and c > d", "a < b and c > d"),
        ("1<2", "1<2"),
        ("if (a<b && c>d) return", "if (a<b && c>d) return"),
        ("x<a and b>y", "x<a and b>y"),
        ("std::vector<int> v; List<String>", "std::vector<int> v; List<String>"),
        ("ssh <user-name>@<host>", "ssh <user-name>@<host>"),
        ("the <script> tag and <!-- that", "the <script> tag and <!-- that"),
        ("use `<form>` or `<b>`", "use `<form>` or `<b>`"),
        ("<>< </ <", "<>< </ <"),
        ("R&D, AT&T & Co; ?a=1&copy=2&lt=3", "R&D, AT&T & Co; ?a=1&copy=2&lt=3"),
        ("&nosuch; &#; &;", "&nosuch; &#; &;"),
        # Markup goes.
        ("<p>a</p><p>b</p>", "a b"),
        ("<b>T</b>恤<br/>纯棉<BR >软", "T恤 纯棉 软"),
        ('<a href="x>y" target=_blank>link</a>', "link"),
        ("<IMG SRC=x.jpg alt='a'>t<td nowrap>u", "t u"),
        ('<p class="a"id="b">w</p>', "w"),
        ("<o:p></o:p>x<!--[if gte mso 9]>y<![endif]-->z", "xz"),
        (
            '<!DOCTYPE html><html><head><title>T</title><style>p{a:b}</style></head><body>B<script>"</b>"</script></body></html>',
            "T B",
        ),
        ("<noscript>no</noscript><template>x</template>y", "y"),
        # Entities, once, twice and three times escaped.
        ("&lt;b&gt;bold&lt;/b&gt; &amp; more", "bold & more"),
        ("&amp;nbsp;x&amp;amp;amp;lt;3", "x<3"),
        ("&#20108;&#x4E8C;&hearts;&NotEqualTilde;", "二二♥≂̸"),
        ("&#0;&#xD800;&#9999999;", "\ufffd\ufffd\ufffd"),
        # Characters.
        ("ＡＢＣ１２３：①", "ABC123:1"),
        ("a\u200bb\ufeffc\u00add\x07e\x9f", "abcde"),
        ("a\x1cb\x0bc\u3000d\u2028e", "a b c d e"),
        ("e\u200b\u0301", "é"),
        ("👨‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم", "👨‍👩‍👧 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 می‌خواهم"),
        # What says that there is nothing.
        (" NULL ", ""),
        ("N/A", ""),
        ("<p>暂无</p>", ""),
        ("&nbsp;-&nbsp;", ""),
        ("nullable", "nullable"),
        ("", ""),
    ],
)
def test_cleaning(raw: str, kept: str) -> None:
    assert clean_value(raw) == kept


def test_lines_are_kept_on_demand() -> None:
    assert clean_value("a \r\n\r\n\r\n\r\n b\rc  d\n", keep_lines=True) == "a\n\nb\nc d"
    assert clean_value("<div>a</div><ul><li>b<li>c</ul>", keep_lines=True) == "a\n\nb\nc"


_ANY = st.text(st.characters(codec="utf-8"), max_size=60)
_PIECES = st.lists(
    st.one_of(
        _ANY,
        st.sampled_from(
            ["<", ">", "&", "amp;", "<b>", "</p>", "<!--", "-->", "<script", '="', "\u0301", "\u200b", "\n", "＜b＞"]
        ),
    ),
    max_size=12,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=_PIECES, keep_lines=st.booleans())
@example(text="ｅ\u200b\u0301", keep_lines=False)
@example(text="\u1100\u00ad\u1161", keep_lines=False)
def test_results_are_nfkc_without_control_characters_and_with_folded_space(text: str, keep_lines: bool) -> None:
    cleaned = clean_value(text, keep_lines)
    assert unicodedata.is_normalized("NFKC", _AS_WRITTEN.sub("\n", cleaned))
    assert not [c for c in cleaned if unicodedata.category(c) == "Cc" and not (keep_lines and c == "\n")]
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert "\n\n\n" not in cleaned
    assert keep_lines or "\n" not in cleaned


# Superscripts, subscripts, inch and trade marks: what NFKC would turn into something else.
_AS_WRITTEN = re.compile("[²³¹\u2033\u2034\u2036\u2037\u2057\u2070\u2071\u2074-\u208e\u2120\u2122]+")
_FRACTIONS = "¼½¾" + "".join(map(chr, range(0x2150, 0x2160))) + "\u2189"


def _nfkc_plainly(line: str) -> str:
    """NFKC, stretch by stretch of what is left as written, with a fraction apart from the digit before it."""
    if unicodedata.is_normalized("NFKC", line):
        return line
    spaced = "".join(
        " " + one if one in _FRACTIONS and before.isdecimal() else one for before, one in zip("." + line, line, strict=False)
    )
    kept = [*_AS_WRITTEN.findall(spaced), ""]
    normal = [unicodedata.normalize("NFKC", part).replace("\u2044", "/") for part in _AS_WRITTEN.split(spaced)]
    return "".join(part + mark for part, mark in zip(normal, kept, strict=True))


def _cleaned_plainly(text: str, keep_lines: bool) -> str:
    """The definition of `clean_value`, one full pass for each rule and no way round any of them."""
    text = clean._without_tags(clean._ENTITY.sub(clean._character, text))
    text = re.sub("\r\n?|\u2028|\u2029", "\n", text)
    text = "\n".join(map(_nfkc_plainly, clean._INVISIBLE.sub("", text).split("\n")))
    if keep_lines:
        text = re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", re.sub(r"[^\S\n]+", " ", text)).strip())
    else:
        text = " ".join(text.split())
    return "" if text.casefold() in clean._NO_VALUE else text


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(["```", "~~~", "````", "```py", "a  <b>b</b>", "  indented", "", "１½", "``` x```"]), max_size=12)
)
def test_code_between_fences_stays_and_the_rest_is_cleaned(lines: list[str]) -> None:
    """An independent reading: a fence opens, the next line that is only such a fence (or a longer one) closes."""
    cleaned = clean_value("\n".join(lines), keep_lines=True)
    code, start = [], None
    for index, line in enumerate(lines):
        mark = line[: len(line) - len(line.lstrip("`~"))]
        if start is None and len(mark) >= 3:
            start = index
        elif start is not None and line == mark and mark.startswith(re.match("`+|~+", lines[start])[0]):  # type: ignore[index]
            code.append("\n".join(lines[start : index + 1]))
            start = None
    assert all(block in cleaned for block in code)
    assert not code or "\n".join(lines).count("  indented") >= cleaned.count("  indented") >= "".join(code).count("  indented")
    assert clean_value(cleaned, keep_lines=True) == cleaned


_OTHER_WHITE = {character for character in map(chr, range(0x110000)) if character.isspace()} - {" "}
_WHITE = st.text(" \n\r\t\x0b\x1c\x85\xa0\u1680\u2003\u2028\u3000\u200bａ，…ｶﾞ中a", max_size=24)


@settings(max_examples=800, deadline=None)
@given(text=st.one_of(_PIECES, _WHITE, st.lists(st.one_of(_WHITE, _PIECES), max_size=4).map("".join)), keep_lines=st.booleans())
@example(text="가\u11a8\n\u0301。，\u0327\u0301\n각", keep_lines=True)
def test_cleaning_is_what_the_plain_definition_says(text: str, keep_lines: bool) -> None:
    assert clean_value(text, keep_lines) == _cleaned_plainly(text, keep_lines)


def test_printable_characters_hide_nothing_and_hold_no_white_space_but_the_space() -> None:
    """What lets a printable text pass without a search, character by character; and the whole BMP in context."""
    for character in map(chr, range(0x110000)):
        if character.isprintable():
            assert not clean._INVISIBLE.match(character)
            assert not set(unicodedata.normalize("NFKC", character)) & _OTHER_WHITE
    for start in range(0, 0xD800, 64):
        text = "".join(f"x{one}\u0301\n가{one}\u11a8{one}y\n{one}\n" for one in map(chr, range(start, start + 64)))
        assert clean_value(text, True) == _cleaned_plainly(text, True), hex(start)


@settings(max_examples=300, deadline=None)
@given(text=_ANY.filter(lambda text: not set("<&") & set(unicodedata.normalize("NFKC", text))), keep_lines=st.booleans())
def test_cleaning_text_without_markup_twice_changes_nothing(text: str, keep_lines: bool) -> None:
    once = clean_value(text, keep_lines)
    assert clean_value(once, keep_lines) == once


_TREES = st.recursive(
    st.text("abc 中文<>&\"'", max_size=8).map(lambda text: (text, None)),
    lambda inner: st.tuples(
        st.sampled_from(["b", "p", "div", "span", "li", "h2", "A", "td", "font"]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
_ATTRIBUTES = ["", ' class="x > y"', " id=z", " style='a:b'", ' href="?a=1&b=2" nowrap']


def _markup(tree: Any, escape: Callable[[str], str], number: int = 0) -> str:
    name, inner = tree
    if inner is None:
        return escape(name)
    held = "".join(_markup(one, escape, number + index) for index, one in enumerate(inner))
    return f"<{name}{_ATTRIBUTES[number % 5]}>{held}</{name}>"


@settings(max_examples=200, deadline=None)
@given(_TREES)
def test_well_formed_markup_leaves_its_text_and_no_tag(tree: Any) -> None:
    """Text escaped as a page has to escape it comes out as it was, apart from white space."""
    plain: list[str] = []

    def escape(text: str) -> str:
        # "<" and "&" beside letters could spell a tag or an entity once unescaped, which shops do write.
        text = text.replace("<", "< ").replace("&", "& ")
        plain.append(text)
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")

    cleaned = clean_value(_markup(tree, escape))
    assert "".join(cleaned.split()) == "".join("".join(plain).split())


@pytest.mark.parametrize(
    "unit", ["<div>", "<script>", "<!--", '<a href="', "<a ", "&amp;", "<a b= ", "`<b", "</", "<p a='", "<b x=y ", "&#38;"]
)
def test_no_value_is_slow(unit: str) -> None:
    """Half a megabyte of each pattern; a quadratic pass would not end."""
    assert isinstance(clean_value(unit * (500_000 // len(unit))), str)


# --- language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("索尼 WH-1000XM5 无线降噪耳机", "zh"),
        ("棉", "zh"),
        ("Gift card 礼", "en"),
        ("abcd 中", "zh"),
        ("abcde 中", "en"),
        ("12345 !?", "en"),
        ("", "en"),
        ("価格はやすい", "zh"),
        ("naïve café", "en"),
    ],
)
def test_language_by_script(text: str, expected: str) -> None:
    assert script_language(text) == expected


# --- linearisation


def document(row: dict[str, Any], kind: Any, draw: int = 0, **settings: Any) -> tuple[str, str, dict[str, str]]:
    """Text, language and what each span covers."""
    text, told, spans, _ = linearise(row, Source(path="x", kind=kind, **settings), UNJUDGED, draw)
    assert spans == sorted(spans, key=lambda span: span.start)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    return text, told, {span.field: text[span.start : span.end] for span in spans}


@pytest.mark.parametrize(
    ("title", "body", "rating", "expected"),
    [
        ("Lamp", "Bright.", None, "Lamp\n"),
        ("Lamp", "Bright.", "5", "Lamp\n"),
        ("Lamp", "Lamp\n\nBright.", None, "Lamp\n\n"),
        ("Lamp", "Lamps are bright.", None, ""),
        ("Lamp", "Lamp\nBright.", "5", ""),
        ("", "Bright.", None, ""),
    ],
)
def test_the_title_of_a_text_is_known(title: str, body: str, rating: str | None, expected: str) -> None:
    source = Source(path="x", kind="description", fields={"title": "h", "text": "t"} | ({"rating": "r"} if rating else {}))
    made = linearise({"h": title, "t": body, "r": rating}, source, UNJUDGED, 0)
    assert made.text[: made.title_chars] == expected


@pytest.mark.parametrize(
    ("kind", "fields", "row", "text", "spans"),
    [
        ("title", {"title": "t"}, {"t": " <b>Tea</b>pot "}, "Teapot", {"t": "Teapot"}),
        ("title", {"title": ["brand", "t"]}, {"t": "pot", "brand": "Yì"}, "Yì pot", {"brand+t": "Yì pot"}),
        ("attributes", {"text": "t"}, {"t": "red, 5 kg"}, "red, 5 kg", {"t": "red, 5 kg"}),
        ("description", {"text": ["a", "b"]}, {"a": ["x", "", "y"], "b": "z\nw"}, "x\ny\nz\nw", {"a+b": "x\ny\nz\nw"}),
        (
            "description",
            {"text": ["a", "b"]},
            {
                "a": "A brass lamp for desks of any kind. Bright as day.",
                "b": ["a brass lamp for desks of any kind!", "Bright as day"],
            },
            "A brass lamp for desks of any kind. Bright as day.\nBright as day",
            {"a+b": "A brass lamp for desks of any kind. Bright as day.\nBright as day"},
        ),
        (
            "description",
            {"title": "h", "text": "t"},
            {"h": "Lamp", "t": "Bright."},
            "Lamp\nBright.",
            {"h": "Lamp", "t": "Bright."},
        ),
        ("review", {"text": "t"}, {"t": "ok\nfine"}, "ok fine", {"t": "ok fine"}),
        (
            "review",
            {"title": "h", "text": "t", "rating": "r"},
            {"h": "Nice", "t": "Works.", "r": 4.0},
            "Nice\nRating: 4\nWorks.",
            {"h": "Nice", "r": "4", "t": "Works."},
        ),
        ("review", {"text": "t", "rating": "r"}, {"t": "好用", "r": "5"}, "评分: 5\n好用", {"r": "5", "t": "好用"}),
        ("review", {"text": "t", "title": "h"}, {"h": "Good", "t": "Good pot"}, "Good pot", {"t": "Good pot"}),
        ("qa", {"question": "q", "answer": "a"}, {"q": "多重?", "a": "1kg"}, "问: 多重?\n答: 1kg", {"q": "多重?", "a": "1kg"}),
        (
            "qa",
            {"question": "q", "answer": "a"},
            {"q": "Heavy?", "a": ["No.", "Light."]},
            "Question: Heavy?\nAnswer: No. Light.",
            {"q": "Heavy?", "a": "No. Light."},
        ),
        ("article", {"title": "h", "text": "t"}, {"h": "H", "t": "a\n\n\n\nb"}, "H\n\na\n\nb", {"h": "H", "t": "a\n\nb"}),
        ("dialogue", {"text": "t"}, {"t": ["你好", "在吗"]}, "你好\n在吗", {"t": "你好\n在吗"}),
        ("web", {"text": "d.t"}, {"d": {"t": "<p>a<p>b"}}, "a\nb", {"d.t": "a\nb"}),
        ("web", {"title": "h", "text": "t"}, {"h": None, "t": "a"}, "a", {"t": "a"}),
    ],
)
def test_every_kind(kind: str, fields: dict[str, Any], row: dict[str, Any], text: str, spans: dict[str, str]) -> None:
    got = document(row, kind, fields=fields)
    assert (got[0], got[2]) == (text, spans)
    assert list(got[2]) == list(spans)


_FACTS = {"columns": ["颜色", "size"]}
_ROW = {"颜色": '红"色\\', "size": "５ cm", "none": "null"}


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("lines", '颜色: 红"色\\\nsize: 5 cm'),
        ("inline", '颜色: 红"色\\; size: 5 cm'),
        ("json", '{"颜色": "红\\"色\\\\", "size": "5 cm"}'),
        ("sentence", '颜色是红"色\\。size是5 cm。'),
    ],
)
def test_every_serialisation(style: Any, text: str) -> None:
    got, told, spans = document(_ROW, "attributes", fields={"columns": ["颜色", "size", "none"]}, serialization=style)
    assert (got, told) == (text, "zh")
    escaped = json.dumps('红"色\\', ensure_ascii=False)[1:-1] if style == "json" else '红"色\\'
    assert spans == {"颜色": escaped, "size": "5 cm"}
    if style == "json":
        assert json.loads(got) == {"颜色": '红"色\\', "size": "5 cm"}


def test_english_sentences() -> None:
    row = {"d": {"Color": "red", "Weight": 5}}
    assert document(row, "attributes", fields={"pairs": "d"}, serialization="sentence")[0] == "The Color is red. The Weight is 5."
    row = {"d": {"Weight": "5 ounces (", "Shipping": "Within the country.", "Note": "("}}
    text = document(row, "attributes", fields={"pairs": "d"}, serialization="sentence")[0]
    assert text == "The Weight is 5 ounces. The Shipping is Within the country."


def test_a_sentence_ends_once() -> None:
    row = {"d": {"Ships": "within the U.S.", "Use": "Indoors!"}}
    text, _, spans = document(row, "attributes", fields={"pairs": "d"}, serialization="sentence")
    assert (text, spans) == ("The Ships is within the U.S. The Use is Indoors!", {"d": "Indoors!"})
    assert document({"门票": "免费。"}, "attributes", fields={"columns": "门票"}, serialization="sentence")[0] == "门票是免费。"


def test_a_bracket_that_lost_its_end_is_cut_off() -> None:
    row = {"d": {"Weight": "0.3 ounces (", "Size": "5 cm (2 in)", "Note": "(["}}
    assert (
        document(row, "attributes", fields={"pairs": "d"}, serialization="inline")[0] == "Weight: 0.3 ounces; Size: 5 cm (2 in)"
    )


def test_keys_of_persons_in_nested_objects_are_left_out() -> None:
    refine = Refine(Cleaning(), "auto", {})
    row = {"t": {"text": "Good lamp", "nickName": "lily", "buyer": {"city": "Oslo"}, "phone": "", "lens": "glass"}}
    source = Source(path="x", kind="review", fields={"text": "t"})
    assert linearise(row, source, refine, 0).text == "text: Good lamp; lens: glass"
    assert refine.take() == {"dropped:personal": 2}
    keeps = Refine(Cleaning(mask=[]), "auto", {})
    assert linearise(row, source, keeps, 0).text == "text: Good lamp; nickName: lily; buyer: city: Oslo; lens: glass"
    assert keeps.take() == {}


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("柳叶胡同12号", "柳叶胡同12号"),
        ("南安市柳叶胡同12号四合院", "南安市柳叶胡同12号四合院"),
        ("柳叶胡同12号 13800138000", "柳叶胡同12号 [PHONE]"),
        ("九成新二手冰箱洗衣机转让,自提地址:柳叶胡同12号", "九成新二手冰箱洗衣机转让,自提地址:[ADDRESS]"),
    ],
)
def test_a_place_may_be_called_by_its_address(title: str, kept: str) -> None:
    refine = Refine(Cleaning(), "zh", {}, "title")
    assert linearise({"t": title}, Source(path="x", kind="title", fields={"title": "t"}), refine, 0).text == kept
    assert refine.take().get("mask:address", 0) == kept.count("[ADDRESS]")
    # Who writes a review is no place.
    assert Refine(Cleaning(), "zh", {}, "review")("柳叶胡同12号", False, "title") == "[ADDRESS]"


def test_seeded_serialisation_draws_all_four_by_row() -> None:
    drawn = {document(_ROW, "attributes", draw, fields=_FACTS)[0] for draw in range(8)}
    fixed = {document(_ROW, "attributes", fields=_FACTS, serialization=s)[0] for s in ("lines", "inline", "json", "sentence")}
    assert drawn == fixed


@pytest.mark.parametrize(
    "pairs",
    [
        {"a:": "1", " b：": "2", "c": None, "": "x"},
        [["a", "1"], ["b", 2], ["c", ""]],
        [["it", "a", "1"], ["it", "b", "2"], ["too", "many", "for", "a pair"]],
        [{"name": "a", "value": "1"}, {"key": "b", "value": "2"}, {"other": "z"}],
        '{"a": "1", "b": "2"}',
        '[["a", "1"], ["b", "2"], ["a", "1"]]',
    ],
)
def test_pairs_in_all_their_forms(pairs: Any) -> None:
    assert document({"p": pairs}, "attributes", fields={"pairs": "p"}, serialization="lines")[0] == "a: 1\nb: 2"


def test_rows_of_one_name_and_value() -> None:
    row = {"n": "材质", "v": ["棉", "麻"], "w": {"<b>高</b>": "5", "宽": None}}
    text, told, spans = document(row, "attributes", fields={"name": "n", "value": "v"}, serialization="lines")
    assert (text, told, spans) == ("材质: 棉 麻", "zh", {"v": "棉 麻"})
    assert document(row, "attributes", fields={"columns": "w"}, serialization="lines")[0] == "w: 高: 5"


def test_language_of_facts_by_names_or_values() -> None:
    def told(row: dict[str, Any]) -> str:
        return document({"p": row}, "attributes", fields={"pairs": "p"})[1]

    assert told({"color": "红色", "weight": "200"}) == "zh"
    assert told({"品牌": "SONY", "型号": "WH-1000"}) == "zh"
    assert told({"brand": "SONY"}) == "en"
    assert document({"p": {"a": "中文"}}, "attributes", fields={"pairs": "p"}, language="en")[1] == "en"


def test_own_templates_take_every_slot() -> None:
    fields = {"标题": "t", "columns": ["a", "b"], "pairs": "p"}
    row = {"t": "茶 壶", "a": "x", "b": "y", "p": {"k": "v"}}
    text, _, spans = document(row, "attributes", fields=fields, template="【{标题}】{columns}；{pairs} {标题}")
    assert text == "【茶 壶】x y；k: v 茶 壶"
    assert spans == {"t": "茶 壶", "a+b": "x y", "p": "k: v"}


@pytest.mark.parametrize(
    ("kind", "fields", "row", "reason", "detail"),
    [
        ("web", {"text": "t"}, {"t": " "}, "empty_text", "nothing to read in t"),
        ("web", {"text": "t"}, {"t": None}, "empty_text", "nothing to read in t"),
        ("web", {"text": "t"}, {"x": 1, "y": 2}, "missing_field", "no column t; the row has x, y"),
        ("web", {"text": "d.t"}, {"d": {}}, "empty_text", "nothing to read in d.t"),
        ("web", {"title": "h", "text": "t"}, {"h": "same", "t": "same"}, "empty_text", "nothing to read in h, t"),
        ("qa", {"question": "q", "answer": "a"}, {"q": "why?", "a": "null"}, "empty_text", "nothing to read in q, a"),
        ("attributes", {"pairs": "p"}, {"p": "text"}, "empty_text", "nothing to read in p"),
        ("attributes", {"pairs": "p"}, {"p": "{torn"}, "empty_text", "nothing to read in p"),
        ("title", {"title": "t"}, {"t": True}, "empty_text", "nothing to read in t"),
        ("review", {"text": "t"}, {"t": float("nan")}, "empty_text", "nothing to read in t"),
    ],
)
def test_rows_without_their_subject_are_rejected(kind: str, fields: Any, row: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(Rejected) as error:
        document(row, kind, fields=fields)
    assert (error.value.reason, error.value.detail) == (reason, detail)


_VALUE = st.one_of(_PIECES, st.none(), st.integers(), st.floats(), st.booleans(), st.lists(_ANY, max_size=3))


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["title", "attributes", "description", "review", "qa", "article", "dialogue", "web"]),
    values=st.lists(_VALUE, min_size=3, max_size=3),
    style=st.sampled_from(["seeded", "lines", "inline", "json", "sentence"]),
    draw=st.integers(0, 2**64 - 1),
)
def test_spans_are_exactly_the_cleaned_values(kind: Any, values: list[Any], style: Any, draw: int) -> None:
    slots = {
        "title": {"title": "a"},
        "attributes": {"columns": ["a", "b", "c"]},
        "qa": {"question": "a", "answer": "b"},
        "review": {"text": "a", "title": "b", "rating": "c"},
    }.get(kind, {"text": "a", "title": "b"})
    row = dict(zip("abc", values, strict=True))
    try:
        text, _, spans = document(row, kind, draw, fields=slots, serialization=style)
    except Rejected:
        return
    long = kind in ("description", "article", "dialogue", "web")
    for field, covered in spans.items():
        value = row[field]
        items = [str(item) for item in (value if isinstance(value, list) else [value])]
        cleaned = ("\n" if long else " ").join(kept for item in items if (kept := UNJUDGED(item, long, "")))
        shown = cleaned.removesuffix(".0") if kind == "review" and field == "c" else cleaned
        shown = shown.rstrip(" ([{") if kind == "attributes" else shown
        assert covered in (shown, json.dumps(shown, ensure_ascii=False)[1:-1])
    assert unicodedata.is_normalized("NFKC", _AS_WRITTEN.sub("\n", text))
    text.encode()


# --- ingest


def ingested(recipe_path: Path, name: str, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Account, documents and rejects of one source."""
    recipe = load_recipe(recipe_path)
    facts: dict[str, Any] = {"rows_in": 0, "kept": 0, "rejected": {}}
    documents, rejected = [], []
    for unit in source_units(recipe, name):
        done = ingest_unit(ingest_task(recipe, out, name, {}), unit)
        for key in ("rows_in", "kept"):
            facts[key] += done["account"][key]
        for reason, count in done["account"]["rejected"].items():
            facts["rejected"][reason] = facts["rejected"].get(reason, 0) + count
        for shard in done["shards"]:
            for table in iter_shard(out / "shards" / f"{shard}.parquet", DOCUMENTS.names):
                assert table.schema == DOCUMENTS
                documents += table.to_pylist()
        path = out / "rejected" / f"{unit.name}.parquet"
        if path.is_file():
            table = pq.read_table(path)
            assert table.schema == REJECTED
            rejected += table.to_pylist()
    assert facts["rows_in"] == facts["kept"] + sum(facts["rejected"].values())
    assert (facts["kept"], sum(facts["rejected"].values())) == (len(documents), len(rejected))
    return facts, documents, rejected


_MIXED = (
    '{"product": "P1", "text": "好用，推荐！", "stars": 5.0}\n'
    "\n"
    '{"product": "P1", "text": "", "stars": 5.0}\n'
    '{"product": "P2", "txt": "x"}\n'
    '{"product": "P2", "text": "torn\n'
    '{"product": ["P2", "P3"], "text": "It <3 <b>works</b>."}\n'
).encode()


def test_the_account_of_a_unit_closes_and_its_files_are_readable(shop: Shop, tmp_path: Path) -> None:
    facts, documents, rejected = ingested(shop(tables={"reviews": _MIXED}), "reviews", tmp_path / "out")
    assert facts == {"rows_in": 5, "kept": 2, "rejected": {"empty_text": 1, "malformed_json": 1, "missing_field": 1}}
    assert [(one["line"], one["reason"]) for one in rejected] == [(3, "empty_text"), (4, "missing_field"), (5, "malformed_json")]
    assert rejected[0]["raw"] == '{"product": "P1", "text": "", "stars": 5.0}'
    assert rejected[1]["detail"] == "no column text, stars; the row has product, txt"
    first, second = documents
    assert (first["row"], first["line"], first["file"], first["source"]) == (2 << 52 | 1, 1, "reviews.jsonl", "reviews")
    assert (first["text"], first["language"], first["keys"]) == (
        "评分: 5.0\n好用,推荐!".replace("5.0", "5"),
        "zh",
        ["products/P1"],
    )
    assert [Span(**span) for span in first["spans"]] == [Span("stars", 4, 5), Span("text", 6, 12)]
    assert (second["text"], second["keys"]) == ("It <3 works.", ["products/P2", "products/P3"])
    assert len(second["entities"]) == 2


def test_no_file_for_rejects_where_there_are_none(shop: Shop, tmp_path: Path) -> None:
    facts, _, rejected = ingested(shop(), "reviews", tmp_path / "out")
    assert (facts["kept"], rejected) == (90, [])
    assert not (tmp_path / "out" / "rejected").exists()


def test_a_file_that_breaks_leaves_no_half_written_output(shop: Shop, tmp_path: Path) -> None:
    path = shop({"sources.reviews.path": "reviews.csv", "cleaning.profiles.review.min_chars": 40})
    rows = "".join(f"P1,short {n},5\n" for n in range(9000))
    (path.parent / "reviews.csv").write_text("product,text,stars\n" + rows + "\xff", encoding="latin-1")
    facts, _, rejected = ingested(path, "reviews", tmp_path / "whole")
    assert facts["rejected"] == {"bad_encoding": 1, "min_chars": 9000}
    assert [one["line"] for one in rejected] == list(range(2, 9003))
    torn = path.parent / "reviews.jsonl.gz"
    torn.write_bytes(gzip.compress(b'{"product": "P1", "text": "x"}\n' * 9000)[:-9])
    recipe = load_recipe(shop({"sources.reviews.path": torn.name, "cleaning.profiles.review.min_chars": 40}))
    [unit] = source_units(recipe, "reviews")
    with pytest.raises(InputError, match=r"reviews\.jsonl\.gz cannot be read to its end"):
        ingest_unit(ingest_task(recipe, tmp_path / "torn", "reviews", {}), unit)
    assert [file for file in (tmp_path / "torn").rglob("*") if file.is_file()] == []


def test_shards_are_cut_by_size_and_hold_every_document_in_order(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop()
    whole = ingested(path, "reviews", tmp_path / "whole")
    monkeypatch.setattr(ingest, "SHARD_BYTES", 1000)
    cut = ingested(path, "reviews", tmp_path / "cut")
    assert cut == whole
    shards = sorted((tmp_path / "cut" / "shards").iterdir())
    assert len(shards) > 3
    assert all(sum(len(text.as_py().encode()) for text in pq.read_table(shard)["text"]) < 1200 for shard in shards)


def test_shards_do_not_depend_on_where_the_data_lies(shop: Shop, tmp_path: Path) -> None:
    for place in ("here", "there"):
        ingested(shop(folder=place), "facts", tmp_path / f"out-{place}")
    [one], [other] = ((tmp_path / f"out-{place}" / "shards").iterdir() for place in ("here", "there"))
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def digests(shop: Shop, tmp_path: Path, rows: list[dict[str, Any]], name: str = "reviews", **settings: Any) -> list[int]:
    """Which rows of a source are equal to which, as small numbers."""
    overrides = {f"sources.{name}.{key}": value for key, value in settings.items()}
    table = "products" if name == "facts" else name
    _, documents, _ = ingested(shop(overrides, {table: rows}), name, tmp_path / "digests")
    seen: dict[bytes, int] = {}
    return [seen.setdefault(one["digest"], len(seen)) for one in documents]


def test_duplicates_by_scope(shop: Shop, tmp_path: Path) -> None:
    texts = ["Great pot", "great  POT", "Great pot", "Great pot!", "Great pot"]
    keys: list[Any] = ["P1", "P1", "P2", "P1", None]
    rows = [{"product": key, "text": text} for key, text in zip(keys, texts, strict=True)]
    # Reviews: anywhere of this role; case and white space do not tell two texts apart.
    assert digests(shop, tmp_path, rows) == [0, 0, 0, 1, 0]
    assert digests(shop, tmp_path, rows, duplicates="product") == [0, 0, 1, 2, 3]
    assert digests(shop, tmp_path, rows, duplicates="keep") == [0, 1, 2, 3, 4]
    # Facts of two products may be equal; "auto" compares them within the product.
    facts = [{"id": key, "color": "red", "weight": 5} for key in ("P1", "P1", "P2")]
    assert digests(shop, tmp_path, facts, "facts", serialization="lines") == [0, 0, 1]
    assert digests(shop, tmp_path, facts, "facts", serialization="lines", duplicates="corpus") == [0, 0, 0]


def test_domain_and_general_rows_are_no_duplicates_of_each_other(shop: Shop, tmp_path: Path) -> None:
    rows = [{"text": "One and the same text, long enough for a page: the bridge was built of stone in 1909.", "product": None}]
    path = shop(tables={"reviews": rows, "general_en": rows})
    found = [ingested(path, name, tmp_path / "out")[1][0] for name in ("reviews", "general_en")]
    assert found[0]["text_hash"] == found[1]["text_hash"]
    assert found[0]["digest"] != found[1]["digest"]


GOLDEN = {
    "products": "768db757e6475585",
    "facts": "2f471abc51379719",
    "reviews": "6d5753a9f55507fc",
    "qa": "10abb3dfd35dab3b",
    "articles": "5b509737c40954a3",
    "general_en": "c23fc5c95578cba7",
    "general_zh": "3f8f967a0d938776",
}


@pytest.mark.parametrize("style", ["lines", "inline", "json", "sentence"])
def test_key_values_are_permuted_by_row_and_lose_nothing(style: str) -> None:
    columns = [f"c{number}" for number in range(7)]
    source = Source(path="x", kind="attributes", fields={"columns": columns}, serialization=style)
    row = {column: f"value {column}" for column in columns}
    orders = set()
    for draw in range(0, 40, 4):
        found = linearise(row, source, UNJUDGED, draw, permute=True)
        assert found == linearise(row, source, UNJUDGED, draw, permute=True)
        assert [found.text[span.start : span.end] for span in found.spans] == [row[span.field] for span in found.spans]
        assert sorted(span.field for span in found.spans) == columns
        orders.add(tuple(span.field for span in found.spans))
    assert len(orders) > 5
    assert [span.field for span in linearise(row, source, UNJUDGED, 0).spans] == columns


def test_documents_of_the_shop_never_change_unnoticed(shop: Shop, tmp_path: Path) -> None:
    """xxh3 of the columns' content: a change here changes every user's data and needs a word in the changelog."""
    path = shop()
    found = {}
    for name in GOLDEN:
        _, documents, _ = ingested(path, name, tmp_path / "out")
        for one in documents:
            one["digest"] = one["digest"].hex()
        found[name] = xxhash.xxh3_64_hexdigest(json.dumps(documents, ensure_ascii=False, sort_keys=True).encode())
    assert found == GOLDEN


def test_the_task_of_a_worker_can_be_sent(shop: Shop, tmp_path: Path) -> None:
    task = ingest_task(load_recipe(shop()), tmp_path, "products", {})
    assert pickle.loads(pickle.dumps(task)) == task
    assert task.is_referred_to
    assert dataclasses.replace(task, name="x").name == "x"


def test_real_coin_shop_has_exact_spans(shared: Path, shop: Shop, tmp_path: Path) -> None:
    """Every document of a real zh shop: spans are the cleaned fields, accounts close."""
    path = shop(
        {
            "sources.qa": {
                "path": str(shared / "data" / "catalogue" / "zh_cncoin" / "qa.jsonl"),
                "kind": "qa",
                "fields": {"question": "content", "answer": "replyContent"},
                "references": [{"field": "item_id", "to": "products"}],
            }
        }
    )
    facts, documents, _ = ingested(path, "qa", tmp_path / "out")
    assert facts["rows_in"] == 6676
    assert facts["kept"] > 6600
    rows = [json.loads(line) for line in (shared / "data/catalogue/zh_cncoin/qa.jsonl").read_text(encoding="utf-8").splitlines()]
    for one in documents:
        row = rows[one["line"] - 1]
        if one["flags"]:  # masked, or freed of boilerplate
            continue
        assert [one["text"][s["start"] : s["end"]] for s in one["spans"]] == [clean_value(row[s["field"]]) for s in one["spans"]]
        assert [s["field"] for s in one["spans"]] == ["content", "replyContent"]
    assert pa.Table.from_pylist(documents[:5], schema=DOCUMENTS).num_rows == 5
