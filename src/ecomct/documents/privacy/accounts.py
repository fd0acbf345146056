"""Accounts of messengers, social networks and shops, after the word that says which."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import RIGHT, Counts, Cued, Rule

# Small words between the name of a network and the account; the first asks for something that says "account".
_SAYS = r"\s?(?:号码?|號|账号|帐号|[iI][dD](?![A-Za-z])|[:：=]|@(?=\w)|\s(?:is|name|handle)\b)(?:是|为|[:：\s(@]|我的?){0,3}"
_MAY_SAY = r"(?:号码?|號|账号|帐号|群号?|[iI][dD](?![A-Za-z])|是|为|[:：\s=(]|我的?|联系){0,5}"
_ASCII_LEFT = r"(?<![0-9A-Za-z_@.-])"
_ASCII_RIGHT = r"(?![A-Za-z0-9_@-])(?!\.[A-Za-z0-9])"
_QQ = Cued(
    "account", rf"(?:(?<![A-Za-z])[Qq]{{2}}|扣扣|[加+＋][Qq]|企鹅号){_MAY_SAY}", rf"(?<![0-9])[1-9][0-9]{{4,11}}{RIGHT}"
)
_WECHAT_NAMES = r"(?:[微薇威][信芯]|(?<![A-Za-z])(?:(?i:we\s?chat|weixin)|[VvWw][Xx]|[加+][VvWw])|[VvWw]信|加[VvWw])"
_WECHAT = (
    Cued("account", rf"{_WECHAT_NAMES}{_SAYS}", rf"{_ASCII_LEFT}(?:[A-Za-z][A-Za-z0-9_-]{{4,19}}|[0-9]{{5,12}}){_ASCII_RIGHT}"),
    # Without such a word only what no product or English word looks like.
    Cued(
        "account",
        rf"{_WECHAT_NAMES}(?:是|为|我的?|联系|\s){{0,3}}",
        rf"(?<![0-9A-Z_@.-])(?:(?=[a-z_-]{{1,18}}[0-9])[a-z][a-z0-9_-]{{5,19}}|[0-9]{{6,12}}){_ASCII_RIGHT}",
    ),
)
_WEIBO = Rule("account", r"(?:微博|[Ww]eibo)(?:账号|号|[iI][dD]|昵称|名|[:：\s(]){0,4}(?P<value>@[\w-]{2,30})")
_HAN_NAMES = Rule(
    "account",
    r"(?:旺旺|淘宝|天猫|京东|会员|用户|微博|抖音|快手|小红书|闲鱼|支付宝|陌陌|钉钉|游戏)\s?(?:账号|帐号|账户|号|[iI][dD]|会员名|用户名|名|昵称)(?:(?:是|为|叫|[:：\s]){1,3}|(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]{6}))"
    r"(?P<value>[A-Za-z0-9_@.-]{4,24}(?![A-Za-z0-9_@])|(?!\d{1,3}(?!\w))[\w@.-]{2,24}(?!\w))",
)
_WANGWANG = Rule("account", r"旺旺\s?[:：]\s?(?P<value>[\w-]{2,24})(?!\w)")
_NETWORKS = r"""(?<![A-Za-z.])(?i:twitter|instagram|insta|facebook|tiktok|snapchat|snap|skype|telegram|discord|kik|pinterest|tumblr|github|line|signal|
    ig|tg|fb|ins|抖音|小红书|快手|whatsapp|kakaotalk|youtube|venmo|paypal|cashapp)"""
_HANDLES = (
    Rule(
        "account",
        rf"{_NETWORKS}(?:\s(?i:me|us|at|on|id|handle|user|account|is|name|dm|by)\b|[:：\s|(]|号|账号){{0,4}}(?P<value>@[A-Za-z0-9_][A-Za-z0-9_.]{{1,29}}(?<!\.))(?![A-Za-z0-9_@])",
    ),
    Rule(
        "account",
        rf"{_NETWORKS}(?:\s?(?i:id|handle|user\s?name|account|user)(?:\s(?i:is|name))?\s?[:：=]?\s?|\s?[:：=]\s?)"
        rf"(?P<value>(?=[A-Za-z.]{{0,28}}[0-9_])[A-Za-z0-9_][A-Za-z0-9_.]{{3,29}}(?<!\.))(?![A-Za-z0-9_@/])",
    ),
    Rule(
        "account",
        r"(?:(?:账号|帐号|账户|用户名|登录名|登陆名|会员名|户名)(?:是|为|[:：\s]){1,3}|(?<![A-Za-z])(?i:user\s?name|user\s?id|login|account(?:\s(?:no\.?|number|name|id|\#))?|acct\.?|member(?:ship)?\s(?:no\.?|number|id|\#))"
        r"\s?(?:[:：=\#]|(?i:is)\s)\s?)(?P<value>(?=[A-Za-z_.-]{0,30}[0-9])[A-Za-z0-9_][A-Za-z0-9_.-]{3,31}(?<!\.))(?![A-Za-z0-9_@/])",
    ),
)
_ALL = (_QQ, *_WECHAT, _WEIBO, _HAN_NAMES, _WANGWANG, *_HANDLES)


def mask_accounts(text: str, counts: Counts) -> str:
    """QQ, WeChat, Weibo, Wangwang and other accounts; a bare @name is none without the network's name before it."""
    for rule in _ALL:
        text = rule(text, counts)
    return text
