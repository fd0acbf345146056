"""Which similar rows are one: cases of both languages, and what must never be merged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.duplicates.changes import difference, tokens
from ecomct.duplicates.fields import Row, key_values, segments, strict
from ecomct.duplicates.verify import Verdict, verify
from ecomct.recipe.duplicates import Duplicates
from ecomct.recipe.source import Kind


def row(kind: Kind, *fields: str, title: bool = False) -> Row:
    text, spans = "", []
    for field in fields:
        spans.append((len(text), len(text) + len(field)))
        text += field + "\n"
    return Row(kind, text, spans, len(fields[0]) + 1 if title else 0)


def judge(first: Row, second: Row) -> Verdict:
    [verdict] = verify([first, second], [(0, 1)], Duplicates())
    [mirrored] = verify([second, first], [(0, 1)], Duplicates())
    assert verdict == mirrored, "a verdict does not depend on the order"
    return verdict


SAME = [
    ("review", "质量很好,物流很快,下次还会再来", "质量很好 物流很快!下次还会再来😀"),
    ("review", "好好好好好好好好好好", "好好好好好好好好好好好好好好好"),
    ("review", "不错", "不错!!!"),
    ("review", "this kettle keeps the water warm all day", "This kettle keeps the water warm all day!!"),
    ("review", "这个书包很结实,孩子很喜欢,背着上学正合适", "这个书包很结实,孩子很喜欢,背着上学正合适,推荐购买"),
    ("review", "这个书包很结实,孩子很喜欢,背着上学正合适", "这个书包很结实啊,孩子很喜欢,背着上学正合适"),
    ("review", "颜色正,料子软,穿上很舒服,老公喜欢", "老公喜欢,颜色正,料子软,穿上很舒服"),
    (
        "review",
        "the handle is sturdy and the lid closes tightly every time",
        "the handle is sturdy and the lid closes tightly ever...",
    ),
    ("description", "works with all major brands of trains and tracks", "Work with all major brands of trains and track."),
    ("description", "the puzzle has 1000 pieces and a poster", "The puzzle has 1,000 pieces, and a poster"),
    ("title", "Ｘ10 水壶 500ml 红色".replace("Ｘ", "X"), "X10 水壶【500ml】红色!"),
]
DIFFERENT = [
    ("review", "红色的杯子很好看,大小也合适,推荐给大家", "蓝色的杯子很好看,大小也合适,推荐给大家", "fact"),
    ("review", "买给女儿的生日礼物,她非常喜欢这个背包", "买给儿子的生日礼物,他非常喜欢这个背包", ""),
    ("review", "这款耳机我会再次购买的,音质也对得起价格", "这款耳机我不会再次购买的,音质也对得起价格", "fact"),
    ("review", "the shoes fit well and i would buy them again", "the shoes fit well and i would not buy them again", "fact"),
    ("review", "charges my phone in 2 hours which is fine by me", "charges my phone in 9 hours which is fine by me", "number"),
    ("review", "净含量是500", "净含量是500克", ""),
    ("description", "fits the 2014 to 2018 models of this mower", "fits the 2014 to 2019 models of this mower", "number"),
    (
        "description",
        "comes in a box with a red cover and a spare battery",
        "comes in a box with a cover and a spare battery",
        "fact",
    ),
    ("description", "a usable handle on the side of the case", "an unusable handle on the side of the case", "words"),
    ("title", "无线降噪耳机 WH-1000XM5", "无线降噪耳机 WH-1000XM4", "title"),
    ("title", "kit 10", "kit 1 0", "title"),
    ("title", "A/B 测试笔", "AB 测试笔", "title"),
    ("title", "红色陶瓷茶壶 800ml 家用大容量泡茶壶", "红色陶瓷茶壶 600ml 家用大容量泡茶壶", "title"),
    (
        "web",
        "籠州是宋代所屬的一個州,其轄地在今四川一帶,州長由當地人任",
        "野州是宋代所屬的一個州,其轄地在今四川一帶,州長由當地人任",
        "",
    ),
]


@pytest.mark.parametrize(("kind", "first", "second"), SAME)
def test_repeats(kind: Kind, first: str, second: str) -> None:
    verdict = judge(row(kind, first), row(kind, second))
    assert verdict.reason == ""
    assert verdict.similarity >= 0.75


@pytest.mark.parametrize(("kind", "first", "second", "reason"), DIFFERENT)
def test_look_alikes(kind: Kind, first: str, second: str, reason: str) -> None:
    found = judge(row(kind, first), row(kind, second)).reason
    assert found
    assert found == reason or not reason


def test_every_field_counts() -> None:
    answer = "您好,由于提交的会员较多,审核会相对慢一些,一般三到五天能够审核完毕,请耐心等待"
    assert judge(row("qa", "我的认证什么时候能通过?", answer), row("qa", "还有货吗?我想买", answer)).reason == "field"
    assert judge(row("qa", "我的认证什么时候能通过?", answer), row("qa", "我的认证什么时候能通过", answer + "!")).reason == ""
    assert judge(row("review", "Five Stars", "5", "great"), row("review", "Five Stars", "4", "great")).reason == "field"
    page = "".join(f"第{number}章讲述了河流、铁路和桥梁的历史,以及镇上人们的生活。" for number in range(30))
    assert judge(row("web", "旧标题", page, title=True), row("web", "新标题", page, title=True)).reason == ""
    short = page[:120]
    assert judge(row("web", "甲州", short, title=True), row("web", "乙州", short, title=True)).reason == "title"
    assert judge(row("web", "甲州", short, title=True), row("web", short)).reason == "field"


def test_long_text_bears_dates_and_footers() -> None:
    page = "".join(f"Chapter {number} tells of the river, the railway and {number} bridges of the town. " for number in range(40))
    assert judge(row("article", page), row("article", page.replace("39", "41") + "Updated on 4 March 2021.")).reason == ""
    assert judge(row("article", page), row("article", page[: len(page) // 2])).reason == "similarity"


def key_value_row(style: str, pairs: list[tuple[str, str]]) -> Row:
    text, spans = "", []
    for name, value in pairs:
        text += {"lines": f"{name}: ", "sentence": f"The {name} is "}[style]
        spans.append((len(text), len(text) + len(value)))
        text += value + {"lines": "\n", "sentence": ". "}[style]
    return Row("attributes", text, spans, 0)


def test_key_values_agree_name_by_name() -> None:
    pairs = [("Color", "red"), ("Size", "10"), ("Weight", "10")]
    lines = key_value_row("lines", pairs)
    assert key_values(lines) == [("color", "red"), ("size", "10"), ("weight", "10")]
    assert judge(lines, key_value_row("sentence", pairs[::-1])).reason == ""
    assert judge(lines, key_value_row("lines", [("Color", "red"), ("Length", "10"), ("Weight", "10")])).reason
    many = [(f"name {number}", f"value {number}") for number in range(20)]
    assert judge(key_value_row("lines", many), key_value_row("lines", many[:-1])).reason == "", "one row knows a pair more"
    assert judge(key_value_row("lines", many), key_value_row("lines", [*many[:-1], ("name 19", "x")])).reason
    assert judge(key_value_row("lines", many[:3]), key_value_row("lines", many[:2])).reason


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_titles_merge_only_where_letters_and_digits_agree(first: str, second: str) -> None:
    verdict = judge(row("title", first), row("title", second))
    letters = ["".join(one for one in text.casefold() if one.isalnum()) for text in (first, second)]
    assert verdict.reason or letters[0] == letters[1]
    assert judge(row("title", first), row("title", first)).reason == ""
    assert strict(strict(first)) == strict(first)


@settings(deadline=None)
@given(st.text(alphabet="红不很好5a b,。", max_size=24), st.text(alphabet="红不很好5a b,。", max_size=24))
def test_any_two_texts_have_a_verdict_and_a_text_is_its_own_repeat(first: str, second: str) -> None:
    kinds: list[Kind] = ["review", "description", "web", "attributes"]
    for kind in kinds:
        judge(row(kind, first), row(kind, second))
        assert judge(row(kind, first), row(kind, first)) == Verdict(1.0, "")
    assert difference(first, first, True) == ""
    assert tokens(first) == tokens(first.upper())


def test_segments_part_a_title_from_its_text() -> None:
    assert segments(Row("web", "Title\n\nBody", [(0, 11)], 7)) == ["Title\n\n", "Body"]
    assert segments(Row("web", "Title\n\nBody", [(0, 5), (7, 11)], 7)) == ["Title", "Body"]
