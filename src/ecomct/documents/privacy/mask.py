"""Personal data of a text replaced by typed placeholders."""

from __future__ import annotations

import re

from ecomct.documents.privacy.accounts import mask_accounts
from ecomct.documents.privacy.address_en import mask_addresses_en
from ecomct.documents.privacy.address_zh import mask_addresses_zh
from ecomct.documents.privacy.contacts import cut_at_links, mask_emails, mask_ips, mask_links
from ecomct.documents.privacy.names import mask_names
from ecomct.documents.privacy.numbers import mask_bank_cards, mask_national_ids, mask_order_numbers
from ecomct.documents.privacy.phones import mask_phones
from ecomct.documents.privacy.placeholders import Counts

# Cheap signs without which the rules of a kind find nothing. Each begins with one set of characters, by which it is sought
# several times faster than if it began with alternatives, a group or a look behind.
_DIGIT = re.compile("[0-9]")
_LONG_NUMBER = re.compile(r"[0-9](?:[-. ()/\u2010-\u2015\u2212]{0,3}+[A-Z]?[0-9]){4}")
_TWELVE_DIGITS = re.compile(r"[0-9](?:[-\s]?[0-9]){11}")
_HOUSE = re.compile(
    """[0-9一二三四五六七八九十零〇百址寄送邮发家]
    (?:(?<=[0-9一二三四五六七八九十零〇百])(?:号|弄|栋|幢|单元|组|队|\\#)|(?<=址)|(?<=[寄送邮发])[往到给]|(?<=家)住)""",
    re.VERBOSE,
)
# A digit; without one there can be a mail, an account after one of these, or a secret of a link:
# "@", ":", "=", "号", " at ", " AT ", "(at", "[at", "{at", "艾特", "ID", "id ".
_SIGNS = re.compile(r"[0-9@:=号 (\[{艾Ii](?:(?<=[0-9@:=号])|(?<=\ )(?:at|AT)\ |(?<=[(\[{])at|(?<=艾)特|(?<=I)D|(?<=i)d\ )")


def mask(text: str, kinds: frozenset[str]) -> tuple[str, dict[str, int]]:
    """`text` with personal data of `kinds` replaced by `[PHONE]`, `[EMAIL]` and so on, and how many of each kind.

    Expects cleaned text (NFKC). Masked text is masked no further. Linear in the text; below 2 us where it holds
    neither a digit, nor "@", nor the name of a network.

    >>> mask("请加微信 lili_88 或打 13800138000", frozenset({"phone", "account"}))
    ('请加微信 [ACCOUNT] 或打 [PHONE]', {'account': 1, 'phone': 1})
    >>> mask("iPhone 13 Pro 256GB, 1920x1080, 400ml, model 13800138000", frozenset({"phone"}))
    ('iPhone 13 Pro 256GB, 1920x1080, 400ml, model 13800138000', {})
    """
    counts: Counts = {}
    if "://" in text or "www." in text:
        # Every second part is a link.
        parts = cut_at_links(text)
        for index, part in enumerate(parts):
            if part:
                parts[index] = mask_links(part, kinds, counts) if index % 2 else _mask_plain(part, kinds, counts)
        return "".join(parts), counts
    return _mask_plain(text, kinds, counts), counts


def _mask_plain(text: str, kinds: frozenset[str], counts: Counts) -> str:
    """The rules in the order in which they take precedence: what is a mail is no account, what is an order no phone."""
    if _SIGNS.search(text) is None:
        return mask_names(text, counts) if "name" in kinds else text
    has_digit = _DIGIT.search(text) is not None
    lower = text.lower()
    if "email" in kinds:
        text = mask_emails(text, lower, counts)
    if "=" in text and ("?" in text or "&" in text):
        text = mask_links(text, kinds, counts)
    if "ip" in kinds and has_digit:
        text = mask_ips(text, lower, counts)
    has_long_number = has_digit and _LONG_NUMBER.search(text) is not None
    if has_long_number:
        if "national_id" in kinds:
            text = mask_national_ids(text, lower, counts)
        if "bank_card" in kinds and _TWELVE_DIGITS.search(text):
            text = mask_bank_cards(text, lower, counts)
        if "order_number" in kinds:
            text = mask_order_numbers(text, lower, counts)
    if "account" in kinds:
        text = mask_accounts(text, lower, counts)
    if has_long_number and "phone" in kinds:
        text = mask_phones(text, lower, counts)
    if "address" in kinds:
        if not text.isascii() and _HOUSE.search(text):
            text = mask_addresses_zh(text, counts)
        if has_digit:
            text = mask_addresses_en(text, lower, counts)
    if "name" in kinds:
        text = mask_names(text, counts)
    return text


def mask_value(name: str, value: str, kinds: frozenset[str]) -> tuple[str, dict[str, int]]:
    """`mask` for a key-value, whose name says what a bare number is: `{"联系电话": "62793001"}`.

    A phone or a precise address is masked whoever it belongs to: whether a number of a catalogue is a shop's or a
    person's cannot be seen. A source that wants them (a guide to sights) leaves the kind out of its `mask`.
    """
    head = name.replace("_", " ") + ": "
    text, counts = mask(head + value, kinds)
    return (text[len(head) :], counts) if text.startswith(head) else mask(value, kinds)
