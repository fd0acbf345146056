"""Masking of personal data: recall and precision on labelled cases, and what holds for every text."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import privacy_cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from privacy_score import masked_spans, score

import ecomct.documents.privacy
from ecomct.documents.clean import clean_value
from ecomct.documents.privacy import is_personal_column, mask, mask_value, without_personal
from ecomct.documents.privacy.placeholders import PLACEHOLDERS
from ecomct.recipe.personal import PERSONAL

KINDS = frozenset(PERSONAL)
SETS = ("DEV", "TEST", "SECOND", "LABELLED")
# What rules look at, in any order: more corners than text drawn from all characters.
_WORDS = """13800138000 010-62793001 62793001 4006-123-456 6217008227824896380 330106196201244333 1 12 号 路 北京市 南京路 3栋
    2单元 501室 电话 微信 QQ qq: 订单号 order # tracking 卡号 身份证 ssn 123-45-6789 a_b1 bob@x.com @ at dot com http:// https://a.b/?token=
    abcdef12 & = ? : , ; . - / ( ) [ ] [PHONE] [ORDER] [ACCOUNT] 和 转 是 的 12 Main St , Boise ID 83701 P.O. Box 8.8.4.4 ip
    version 2001:4860:4860::8888 +86 +1 415 555 2671 v 地址 寄到 账号 Twitter @bob_1 SKU 元 kg 2016-08-20 x"""
_PIECES = st.sampled_from(_WORDS.split())
_TEXTS = st.lists(st.one_of(_PIECES, st.sampled_from([" ", "", "\n", ":"]), st.text(max_size=3)), max_size=14).map("".join)


def _masked(text: str) -> str:
    return mask(text, KINDS)[0]


@pytest.mark.parametrize("name", SETS)
def test_finds_what_is_personal_and_nothing_else(name: str) -> None:
    cases = getattr(privacy_cases, name) + getattr(privacy_cases, name + "_NOT")
    result = score(cases, _masked)
    for by_chars in (False, True):
        assert result.recall(chars=by_chars) >= 0.98, result.wrong
        assert result.precision(chars=by_chars) >= 0.98, result.wrong


def test_every_kind_is_found() -> None:
    cases = [case for name in SETS for case in getattr(privacy_cases, name) + getattr(privacy_cases, name + "_NOT")]
    assert len(cases) >= 600
    result = score(cases, _masked)
    for kind in PERSONAL:
        assert result.hits[kind] >= 15, kind
        for by_chars in (False, True):
            assert result.recall(kind, by_chars) >= 0.98, (kind, result.wrong)
            assert result.precision(kind, by_chars) >= 0.98, (kind, result.wrong)


def test_a_kind_that_the_recipe_does_not_mask_stays() -> None:
    for case in privacy_cases.TEST:
        kinds = {kind for kind, _, _ in case.personal}
        assert not kinds & set(mask(case.text, KINDS - kinds)[1])
        assert mask(case.text, frozenset()) == (case.text, {})


def test_counts_are_those_of_the_placeholders() -> None:
    for case in privacy_cases.DEV + privacy_cases.TEST:
        masked, counts = mask(case.text, KINDS)
        for kind, placeholder in PLACEHOLDERS.items():
            assert masked.count(placeholder) == counts.get(kind, 0), case


@given(_TEXTS)
@settings(max_examples=1500, deadline=None)
def test_masking_masked_text_changes_nothing(text: str) -> None:
    text = clean_value(text, True)
    masked, _ = mask(text, KINDS)
    assert mask(masked, KINDS) == (masked, {})


@given(_TEXTS, st.sets(st.sampled_from(PERSONAL)))
@settings(max_examples=700, deadline=None)
def test_what_is_not_masked_stays_in_its_order(text: str, kinds: set[str]) -> None:
    for placeholder in PLACEHOLDERS.values():
        text = text.replace(placeholder, "")
    masked, counts = mask(text, frozenset(kinds))
    assert set(counts) <= kinds
    spans = masked_spans(text, masked)  # fails where the rest is not as it was
    assert len(spans) == sum(counts.values())


@given(st.text())
@settings(max_examples=400, deadline=None)
def test_no_text_is_too_odd(text: str) -> None:
    mask(text, KINDS)
    mask_value(text[:20], text, KINDS)
    is_personal_column(text)


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1-",
        "a@",
        "a@b.",
        "1号",
        "路1号",
        "电话1 ",
        "QQ1,",
        "[PHONE],",
        "12 Oak St, ",
        "1.2.3.4 ",
        "1:",
        "http://a?b=",
        "+1 ",
    ],
)
def test_long_repetitions_take_linear_time(unit: str) -> None:
    # A quadratic rule would take minutes.
    mask(unit * (200_000 // len(unit)) if unit != "1号" else unit * 20_000, KINDS)


def test_placeholders_are_text_that_cleaning_keeps() -> None:
    for placeholder in PLACEHOLDERS.values():
        assert clean_value(f"a {placeholder}b") == f"a {placeholder}b"
        assert unicodedata.is_normalized("NFKC", placeholder)
        assert mask(placeholder, KINDS) == (placeholder, {})


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("联系电话", "62793001", "[PHONE]"),
        ("phone_number", "5550147", "[PHONE]"),
        ("客服QQ", "12345678", "[ACCOUNT]"),
        ("微信", "lili_2019", "[ACCOUNT]"),
        ("订单号", "884512", "[ORDER]"),
        ("e-mail", "a@b.com", "[EMAIL]"),
        ("地址", "北京市海淀区双清路30号", "[ADDRESS]"),
        ("地址", "北京市密云区石城镇", "北京市密云区石城镇"),
        ("型号", "13800138000", "13800138000"),
        ("model number", "4155552671", "4155552671"),
        ("屏幕", "1920x1080", "1920x1080"),
        ("", "x", "x"),
    ],
)
def test_a_name_tells_what_a_bare_value_is(name: str, value: str, masked: str) -> None:
    assert mask_value(name, value, KINDS)[0] == masked
    assert mask_value(name, masked, KINDS) == (masked, {})


_NAMES_OF_PEOPLE = """nickname nickName nick user_name username userName reviewerName reviewerID user_id phone mobile Mobile_No
    phoneNumber tel email e-mail EmailAddress receiver receiver_name receiverPhone consignee shipping_address ip ip_address
    id_card bank_card order_id 昵称 用户昵称 收货人 收货人电话 手机 手机号 手机号码 联系电话 联系方式 邮箱
    身份证号 收货地址 买家账号 用户名 会员名 微信 QQ 旺旺 password buyer customer_email"""
_NAMES_OF_THINGS = """title brand name product_name product_id item_id asin price address 地址 手机型号 手机壳颜色 phone_model
    phone_type email_template sku category 品牌 型号 电话手表 description order contact_lens mobile_phone_brand user_rating
    review text summary city 产地 color 名称 商品名称 mac_address 评论 author"""


def test_names_of_personal_columns() -> None:
    assert [name for name in _NAMES_OF_PEOPLE.split() if not is_personal_column(name)] == []
    assert [name for name in _NAMES_OF_THINGS.split() if is_personal_column(name)] == []


def test_declared_columns_are_gone_wherever_they_stand() -> None:
    row = {"a": 1, "u": {"n": "x", "k": [{"p": 1, "q": 2}, 3, [{"p": 4}]]}, "x.y": 5, "x": {"y": 6}, "l": [{"n": 1}, {"m": 2}]}
    before = json.dumps(row)
    assert without_personal(row, ["u.n", "u.k.p", "x.y", "l.n", "missing", "a.b.c"]) == {
        "a": 1,
        "u": {"k": [{"q": 2}, 3, [{}]]},
        "x": {"y": 6},
        "l": [{}, {"m": 2}],
    }
    assert json.dumps(row) == before
    assert without_personal(row, ["u"]) == {name: value for name, value in row.items() if name != "u"}


def test_doctests() -> None:
    for module in pkgutil.iter_modules(ecomct.documents.privacy.__path__, "ecomct.documents.privacy."):
        assert doctest.testmod(importlib.import_module(module.name)).failed == 0


def _values(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield clean_value(str(json.loads(line)[column]), True)


def test_real_titles_hold_nothing_personal(shared: Path) -> None:
    catalogue = shared / "data/catalogue"
    titles = [
        *_values(catalogue / "zh_tmall_titles.jsonl", "title"),
        *_values(catalogue / "en_amazon_pqa/products.jsonl", "title"),
    ]
    changed = [title for title in titles if _masked(title) != title]
    assert len(titles) > 20_000
    assert changed == []


def test_real_questions_hold_orders_and_phones(shared: Path) -> None:
    texts = list(_values(shared / "data/catalogue/zh_cncoin/qa.jsonl", "content"))
    counts: dict[str, int] = {}
    for text in texts:
        masked, found = mask(text, KINDS)
        assert mask(masked, KINDS) == (masked, {})
        for kind, number in found.items():
            counts[kind] = counts.get(kind, 0) + number
    assert counts["order_number"] > 100
    assert counts["phone"] > 5


def test_real_rows_are_masked_once(shared: Path) -> None:
    texts = list(_values(shared / "data/catalogue/en_amazon_pqa/cqas.jsonl", "text"))
    texts += _values(shared / "data/general/en_openwebtext.jsonl", "text")
    for text in random.Random(5).sample(texts, 1200):
        masked, _ = mask(text, KINDS)
        assert mask(masked, KINDS) == (masked, {})
