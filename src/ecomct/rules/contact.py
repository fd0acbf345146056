"""Rules against advertisements: fields that are mostly phone numbers, addresses of mail and chat, and links."""

from __future__ import annotations

import re

from ecomct.rules.rule import Passage, rule

# Each pattern is used only where the text holds what it needs, and is bounded: a text of one long word costs no more.
_MASKED = re.compile(r"\[(?:PHONE|EMAIL|ID|CARD|ORDER|ADDRESS|ACCOUNT|TOKEN|IP|NAME)\]")
_MAIL = re.compile(r"(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}")
_DIGITS = re.compile(r"[0-9][0-9 ()+-]{5,30}[0-9]")
_PHONE = re.compile(
    r"""(?:86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}  # mobile, China
    |0[0-9]{2,3}[ -][0-9]{7,8}|[48]00-?[0-9]{3,4}-?[0-9]{3,4}  # landline and service numbers, China
    |(?:1[ -])?\(?[0-9]{3}\)?[ -][0-9]{3}[ -][0-9]{4}  # North America""",
    re.VERBOSE,
)
_CHAT_WORDS = ("微信", "薇信", "威信", "扣扣", "qq", "wechat", "weixin", "vx", "wx")
# Over the text in lower case.
_CHAT = re.compile(rf"(?:{'|'.join(_CHAT_WORDS)})(?:公众)?(?:群|号码?|账号|帐号|id)?[:\s]{{0,3}}[a-z0-9_-]{{5,20}}")
_END = "[^\\s<>\"'()\\[\\]{}|，。、）】》\u4e00-\u9fff]"
_LINK = re.compile(rf"://{_END}+")
_BARE_LINK = re.compile(rf"(?<!//)www\.{_END}+")


def masked_characters(text: str) -> int:
    """Characters of placeholders of personal data.

    >>> masked_characters("电话[PHONE],见[注]")
    7
    """
    return sum(map(len, _MASKED.findall(text))) if "[" in text else 0


@rule(
    "max_contact",
    {
        "title": 0.5,
        "description": 0.5,
        "review": 0.5,
        "question": 0.7,
        "article": 0.4,
        "dialogue": 0.6,
        "web": 0.4,
    },
    """A field that is mostly ways to reach somebody is an advertisement. Answers are not asked: a shop may give
    its number.""",
)
def contact_share(passage: Passage) -> float:
    """Share of characters in phone numbers, mail and chat addresses, raw or masked.

    >>> contact_share(Passage("加微信: shop_2020")), contact_share(Passage("[PHONE]")), contact_share(Passage("索尼 WH-1000XM5"))
    (0.928..., 1.0, 0.0)
    """
    text = passage.text
    found = masked_characters(text)
    if "@" in text:
        found += sum(map(len, _MAIL.findall(text)))
    if _DIGITS.search(text) is not None:
        found += sum(len(run) for run in _DIGITS.findall(text) if _PHONE.fullmatch(run))
    lower = text.lower()
    if (
        "信" in text
        or "扣扣" in text
        or "qq" in lower
        or "wechat" in lower
        or "weixin" in lower
        or "vx" in lower
        or "wx" in lower
    ):
        found += sum(map(len, _CHAT.findall(lower)))
    return min(1.0, found / len(text)) if found else 0.0


@rule(
    "max_urls",
    {
        "title": 0.5,
        "value": 0.95,
        "description": 0.9,
        "review": 0.95,
        "question": 0.95,
        "answer": 0.97,
        "article": 0.9,
        "dialogue": 0.9,
        "web": 0.9,
    },
    "A field of links says what is elsewhere. Links are long: half a page of Markdown is links, and 'yes: LINK' is an answer.",
)
def url_share(passage: Passage) -> float:
    """Share of characters in links.

    >>> url_share(Passage("https://a.example/b?c=1")), url_share(Passage("see www.a.example for more"))
    (1.0, 0.5)
    """
    text = passage.text
    found = 0
    if "://" in text:
        # The scheme before it, "https" or near it.
        found += sum(len(link) + 5 for link in _LINK.findall(text))
    if "www." in text:
        found += sum(map(len, _BARE_LINK.findall(text)))
    return min(1.0, found / len(text)) if found else 0.0
