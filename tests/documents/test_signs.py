"""Cheap signs that decide which rules are asked: each says no only where the rules behind it find nothing."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.documents.privacy import accounts, address_en, contacts
from ecomct.documents.privacy.placeholders import PLACEHOLDERS, Counts
from ecomct.documents.reformulate import encoded, mojibake

mask = import_module("ecomct.documents.privacy.mask")
_HAN_NUMERALS = "0-9一二三四五六七八九十零〇百"
_CONTINUING, _RARE = mojibake._CONTINUING, mojibake._RARE
# What is written to be sought fast, and what it means.
_MEANT = {
    "long number": (mask._LONG_NUMBER, r"(?:[0-9][-. ()/\u2010-\u2015\u2212]{0,3}+[A-Z]?){4}[0-9]"),
    "twelve digits": (mask._TWELVE_DIGITS, r"(?:[0-9][-\s]?){11}[0-9]"),
    "house": (mask._HOUSE, f"[{_HAN_NUMERALS}](?:号|弄|栋|幢|单元|组|队|#)|址|[寄送邮发][往到给]|家住"),
    "personal": (mask._SIGNS, r"[0-9@:=号]| at | AT |\(at|\[at|\{at|艾特|ID|id "),
    "dotted": (contacts._DOTTED, r"[0-9]\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"),
    "handle": (accounts._HANDLE_LIKE, "[0-9]{5}|[A-Za-z][A-Za-z0-9_-]{4}|@|[:：]"),
    "garbled": (mojibake._SIGNS, f"[\x80-\x9f]|[\xc2-\xf4][{_CONTINUING}]|[\xa1-\xfe]{{4}}|[{_RARE}]|锟斤拷"),
}
_PIECES = (
    *"0123456789aAfFxX -.,:;@=#&?/()[]{}_+\n。、:：号弄栋组队址寄往送到家住单元一百艾特锟斤拷éÂ\x80\xbf€\u2013",
    *(
        " at ",
        " AT ",
        " dot ",
        "(at)",
        "[at]",
        "id ",
        "ID",
        "qq.",
        "#qq.",
        "#163点",
        "艾特",
        "gmail",
        "com",
        "www.",
        "://",
        "https",
    ),
    *(
        "twitter",
        "login",
        "account",
        "user name",
        "ins",
        "号",
        "账号",
        "token",
        "key",
        "code",
        "phone",
        "%40",
        "box ",
        "p.o. box 1",
    ),
    *(
        _RARE[0],
        _RARE[-1],
        "锟斤拷",
        "aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ=",
        "İ",
        "[PHONE]",
        "1234567",
        "8.8.8.8",
        "st",
    ),
)
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=14).map("".join)


@pytest.mark.parametrize("name", _MEANT)
@settings(max_examples=400, deadline=None)
@given(text=_TEXTS)
def test_a_sign_written_to_be_sought_fast_is_found_where_its_plain_form_is(name: str, text: str) -> None:
    written, meant = _MEANT[name]
    assert bool(written.search(text)) == bool(re.search(meant, text))


@settings(max_examples=600, deadline=None)
@given(text=_TEXTS)
def test_text_is_cut_at_links_as_the_pattern_of_links_splits_it(text: str) -> None:
    assert contacts.cut_at_links(text) == contacts.LINK.split(text)


@pytest.mark.parametrize("text", ["x-www.foo://bar", "www.foo://", "www.www.a", "a" * 30 + "://b", "+www.x-http://y", "://www.a"])
def test_links_that_begin_before_another_anchor_are_cut_as_the_pattern_splits_them(text: str) -> None:
    assert contacts.cut_at_links(text) == contacts.LINK.split(text)


@settings(max_examples=600, deadline=None)
@given(text=_TEXTS)
def test_rules_behind_a_sign_find_nothing_without_it(text: str) -> None:
    lower = text.lower()
    if not contacts._SPELT_AT.search(lower):
        assert not contacts._spelt_mails._pattern.search(text)
    if not accounts._VALUE_LIKE.search(text):
        assert not accounts._NAMED_HANDLES._pattern.search(text)
        assert not accounts._LOGINS._pattern.search(text)
    if not contacts._DOTTED.search(text):
        assert not contacts._addresses._pattern.search(text)
    if encoded._SHORTEST not in text.encode("ascii", "replace").translate(encoded._IN_RUN):
        assert not encoded._RUN.search(text)
    meant = rf"[0-9][a-z]?\s(?:[\w.'-]+\s){{0,5}}?(?:{'|'.join(address_en._KINDS.split())}|route|rt)\b|\bbox\s[0-9]"
    has_sign = address_en._SIGN.search(lower) or ("box" in lower and address_en._BOX.search(lower))
    assert bool(has_sign) == bool(re.search(meant, lower))


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(_TEXTS, min_size=1, max_size=3))
def test_a_link_is_masked_as_by_all_of_its_rules(parts: list[str]) -> None:
    text = "https://a.example/?" + "&token=".join(parts)
    counts: Counts = {}
    every: Counts = {}
    expected = text
    for _, rule in contacts._RULES_OF_LINKS:
        expected = rule(expected, "", every)
    assert contacts.mask_links(text, frozenset(PLACEHOLDERS), counts) == expected
    assert counts == every
