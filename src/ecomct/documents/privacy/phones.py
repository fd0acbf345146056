"""Phone numbers of zh and en text, by their form or by the word before them."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import LEFT, Counts, Cued, Rule, digits_of
from ecomct.documents.privacy.things import DATE, names_no_thing

_DASH = "[-\u2010-\u2015\u2212]"
# Chinese area codes, and as they are dialled from abroad.
_AREA, _AREA_ABROAD = "0(?:10|2[0-9]|[3-9][0-9]{2})", "(?:10|2[0-9]|[3-9][0-9]{2})"
_EXTENSION = rf"(?:(?:{_DASH}|转|\s?ext\.?\s?)[0-9]{{1,5}})?"
_FORMS = (
    # China: mobile, fixed, service; the area code may be written before a mobile number too.
    rf"""(?:\(?(?:\+|00)?86\)?[-\s]?|{_AREA}-)?1[3-9][0-9]
        (?:[0-9]{{8}}|{_DASH}[0-9]{{4}}{_DASH}[0-9]{{4}}|\s[0-9]{{4}}\s[0-9]{{4}})""",
    rf"""(?:\(?\+?86\)?[-\s]?)?(?:\({_AREA}\)[-\s]?|{_AREA}\s?{_DASH}{{1,2}}\s?|(?<=86-){_AREA_ABROAD}-)
        [2-9][0-9]{{2,3}}[-\s]?[0-9]{{4}}{_EXTENSION}""",
    r"""(?:0[0-9]{2,3}-)?[48]00(?:[0-9]{7}|[-\s][0-9]{7}|[-\s][0-9]{3}[-\s][0-9]{4}|[-\s][0-9]{4}[-\s][0-9]{3}|[0-9]-[0-9]{3}-[0-9]{3})
        (?:[转-][0-9]{1,5})?""",
    # Any country, by its "+".
    r"\+(?=[1-9])[0-9]{1,3}(?:[-.\s]{0,2}\(?[0-9]{1,5}\)?){2,5}",
    # North America.
    r"""(?:\+?1[-.\s]?)?(?:\([2-9][0-9]{2}\)[-.\s]?|[2-9][0-9]{2}(?P<gap>[-.]))[2-9][0-9]{2}(?(gap)(?P=gap)|[-.\s])[0-9]{4}
        (?:\s?(?:x|ext\.?)\s?[0-9]{1,5})?""",
    r"(?:\+?1[-\s])?[2-9][0-9]{2}[\s/][2-9][0-9]{2}-[0-9]{4}",
    # Britain; then Taiwan, Japan and others with two dashes.
    r"020\s[378][0-9]{3}\s[0-9]{4}|07[0-9]{3}\s[0-9]{3}\s?[0-9]{3}|0[38]00\s[0-9]{3}\s[0-9]{4}",
    r"0[1-9][0-9]{0,2}-[0-9]{3,4}-[0-9]{3,4}",
)
_TWO_DECIMALS = re.compile(r"\.[0-9]+\s[0-9]+\.")
_LETTERS_BEFORE = re.compile(r"[A-Za-z]{1,12}$")
# Letters that may touch a number; after others it is a part of a serial.
_CONTACTS = "v vx wx tel telephone t phone mobile mob call callus m p qq weixin wechat whatsapp at"
_TOUCHING = frozenset(_CONTACTS.split())


def _is_phone(match: re.Match[str]) -> bool:
    number = match[0]
    if number[0] == "+" and (not 8 <= len(digits_of(number)) <= 15 or _TWO_DECIMALS.search(number)):
        return False
    letters = _LETTERS_BEFORE.search(match.string[max(0, match.start() - 13) : match.start()])
    return (letters is None or letters[0].lower() in _TOUCHING) and names_no_thing(match)


def _may_be_called(value: re.Match[str]) -> bool:
    """Seven to fifteen digits that are no date."""
    return 7 <= len(digits_of(value[0])) <= 15 and not DATE.match(value[0])


_NUMBER = (
    r"""[+(]{0,2}[0-9]{1,15}(?:[-.\s()]{1,3}[0-9]{3,8}|[-.()]{1,2}[0-9]{2}){0,5}(?:(?:转|-|\s?ext\.?\s?)[0-9]{1,5})?(?![0-9])"""
)
_WORDS_ZH = "电话 電話 手机 手機 联系 热线 熱線 致电 拨打 座机 传真 专线 專線 短信 来电 客服 固话"
_CUE = rf"""(?:{_WORDS_ZH.replace(" ", "|")}|联系方式|联系我
    |(?=[tpcmfhwdsTPCMFHWDS])(?<![A-Za-z0-9/])(?:
        (?i:telephone|tel|phones?|call(?:ing|s|ed)?|mobile|cell|fax|hotline|whatsapp|text|dial|toll[ -]free|sms)(?![A-Za-z])
        |(?:Ph|Mob|[MTP])[:.]))
    (?:号码?|号|是|为|[:：\s(,，./\#-]|码|我们?|您?可?打|一下|咨询|服务
    |(?:no|[Nn]umbers?|at|us|me|on|is|now|today|line|my|our|him|her|them|cell|phone|toll[ -]free)\b){{0,8}}"""
_phones = Rule(
    "phone",
    rf"(?:(?<![0-9_])(?<![0-9][-.])(?=[0-9])|(?=\()|(?<![0-9_\]])(?=\+))(?:{'|'.join(_FORMS)})(?![0-9A-Z_])(?![-.][0-9])",
    _is_phone,
)
_cued_phones = Cued(
    "phone",
    _CUE,
    LEFT + _NUMBER,
    _may_be_called,
    words=f"{_WORDS_ZH} tel phone call mobile cell fax hotline whatsapp text dial toll sms ph mob m: t: p: m. t. p.",
)


def mask_phones(text: str, lower: str, counts: Counts) -> str:
    """Mobile and fixed numbers of China, 400 and 800 numbers, American, British and international forms; any by its word."""
    return _cued_phones(_phones(text, lower, counts), lower, counts)
