"""Rules against advertisements: fields that are mostly phone numbers, addresses of mail and chat, and links."""

from __future__ import annotations

import re

from ecomct.rules.rule import Passage, rule

_DIGITS = re.compile(r"\d{3}", re.ASCII)
_CHAT = r"(?:微信|薇信|威信|扣扣|[Qq][Qq]|[Ww]e[Cc]hat|[Ww]eixin|[Vv][Xx])(?:公众)?(?:群|号码?|账号|帐号|id|ID)?"
# Bounded on both sides, so that a text of one long word costs no more than another.
_CONTACT = re.compile(
    rf"""
    \[(?:PHONE|EMAIL|MAIL|ID|NATIONAL_ID|BANK_CARD|ORDER_NUMBER|ADDRESS|ACCOUNT|URL_TOKEN|URL|IP|QQ|WECHAT)\]
    |[A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,4}}
    |(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{{4}}[- ]?\d{{4}}(?![\d.])
    |(?<![\d.-])(?:0\d{{2,3}}-\d{{7,8}}|[48]00-?\d{{3,4}}-?\d{{3,4}})(?![\d.-])
    |(?<![\d.-])(?:\+?1[- ])?\(?\d{{3}}\)?[- ]\d{{3}}-\d{{4}}(?![\d.-])
    |{_CHAT}[:\s]{{0,3}}[A-Za-z0-9_-]{{5,20}}
    """,
    re.VERBOSE | re.ASCII,
)
_URL = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"'()\[\]{}，。、）】》\u4e00-\u9fff]+", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


@rule(
    "max_contact",
    {
        "title": 0.4,
        "description": 0.5,
        "review": 0.5,
        "question": 0.6,
        "answer": 0.8,
        "article": 0.3,
        "dialogue": 0.5,
        "web": 0.3,
    },
    "A field that is mostly ways to reach somebody is an advertisement. A shop may answer with its number.",
)
def contact_share(passage: Passage) -> float:
    """Share of characters in phone numbers, mail and chat addresses, raw or masked.

    >>> contact_share(Passage("加微信: shop_2020")), contact_share(Passage("[PHONE]")), contact_share(Passage("索尼 WH-1000XM5 2023款"))
    (0.928..., 1.0, 0.0)
    """
    text = passage.text
    if (
        "@" not in text
        and "[" not in text
        and "信" not in text
        and "扣扣" not in text
        and _DIGITS.search(text) is None
        and not {"qq", "vx", "wechat", "weixin"} & set(_SPACE.split(text.lower()))
    ):
        return 0.0
    return sum(len(match[0]) for match in _CONTACT.finditer(text)) / len(text)


@rule(
    "max_urls",
    {
        "title": 0.5,
        "value": 0.95,
        "description": 0.6,
        "review": 0.6,
        "question": 0.8,
        "answer": 0.8,
        "article": 0.4,
        "dialogue": 0.5,
        "web": 0.4,
    },
    "A field of links says what is elsewhere.",
)
def url_share(passage: Passage) -> float:
    """Share of characters in links.

    >>> url_share(Passage("https://a.example/b?c=1")), url_share(Passage("see www.a.example for more")), url_share(Passage("无链接"))
    (1.0, 0.5, 0.0)
    """
    text = passage.text
    if "://" not in text and "www." not in text:
        return 0.0
    return sum(len(match[0]) for match in _URL.finditer(text)) / len(text)
