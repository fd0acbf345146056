"""Accounts of messengers, social networks and shops, after the word that says which."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import RIGHT, Counts, Cued, Rule

# Small words between the name of a network and the account; the first asks for one that says "account".
_SAYS = r"""\s?(?:号码?|號|账号|帐号|[iI][dD](?![A-Za-z])|[:：=]|@(?=\w)|\s(?:is|name|handle)\b)(?:是|为|[:：\s(@]|我的?){0,3}"""
_MAY_SAY = r"(?:号码?|號|账号|帐号|群号?|[iI][dD](?![A-Za-z])|是|为|[:：\s=(]|我的?|联系){0,5}"
_LEFT = r"(?<![0-9A-Za-z_@.-])"
_RIGHT = r"(?![A-Za-z0-9_@-])(?!\.[A-Za-z0-9])"
_HANDLE = r"[A-Za-z0-9_][A-Za-z0-9_.]{2,29}(?<!\.)"
# No product and no word of English: letters before figures.
_MIXED = r"(?=[A-Za-z_-]{1,18}[0-9])[A-Za-z][A-Za-z0-9_-]{5,19}"

_QQ = Cued(
    "account",
    rf"(?:(?<![A-Za-z])[Qq]{{2}}|扣扣|[加+＋][Qq]|企鹅号|加群|入群|群号){_MAY_SAY}",
    rf"(?<![0-9])[1-9][0-9]{{4,11}}{RIGHT}",
    words="qq 扣扣 加q +q 企鹅号 加群 入群 群号",
)
_WECHAT_NAMES = r"(?:[微薇威][信芯]|(?<![A-Za-z])(?:(?i:we\s?chat|weixin)|[VvWw][Xx]|[加+][VvWw])|[VvWw]信|加[VvWw])"
_WECHAT_SIGNS = ("信", "芯", "chat", "weixin", "vx", "wx", "+v", "+w", "加v", "加w")
_WECHAT = (
    Cued(
        "account",
        rf"{_WECHAT_NAMES}{_SAYS}",
        rf"{_LEFT}(?:[A-Za-z][A-Za-z0-9_-]{{4,19}}|[0-9]{{5,12}}){_RIGHT}",
        further=rf"{_LEFT}{_MIXED}{_RIGHT}",
    ),
    # Without such a word only what no product or English word looks like.
    Cued(
        "account",
        rf"{_WECHAT_NAMES}(?:是|为|我的?|联系|\s){{0,3}}",
        rf"{_LEFT}(?:(?=[a-z_-]{{1,18}}[0-9])[a-z][a-z0-9_-]{{5,19}}|[0-9]{{6,12}}){_RIGHT}",
    ),
)
_SHOPS_ZH = "旺旺 淘宝 天猫 京东 会员 用户 微博 抖音 快手 小红书 闲鱼 支付宝 陌陌 钉钉 游戏"
_SHOP = f"(?:{_SHOPS_ZH.replace(' ', '|')})"
_NAMES_ZH = (
    Rule("account", r"(?:微博|[Ww]eibo)(?:账号|号|[iI][dD]|昵称|名|[:：\s(]){0,4}(?P<value>@[\w-]{2,30})", words="微博 weibo"),
    Rule(
        "account",
        rf"""{_SHOP}\s?(?:账号|帐号|账户|号|[iI][dD]|会员名|用户名|名|昵称)(?:是|为|叫|[:：\s]){{0,3}}
        (?P<value>(?=[A-Za-z_.-]{{0,20}}[0-9])[A-Za-z0-9_.-]{{5,24}}(?<!\.))(?![A-Za-z0-9_@])""",
        words=_SHOPS_ZH,
    ),
    # A name in Chinese, only after a colon; prose goes on without one.
    Rule(
        "account",
        r"""(?:旺旺|淘宝|微博|抖音|快手|小红书|闲鱼)\s?(?:账号|帐号|号|[iI][dD]|会员名|名|昵称)\s?[:：]\s?
        (?P<value>[\w@.-]{2,16})(?!\w)""",
        words=_SHOPS_ZH,
    ),
    Rule("account", r"旺旺\s?[:：]\s?(?P<value>[\w-]{2,24})(?!\w)", words="旺旺"),
)
_NETWORKS = """twitter instagram insta facebook tiktok snapchat snap skype telegram discord kik pinterest tumblr github
    line signal ig tg fb ins 抖音 小红书 快手 whatsapp kakaotalk youtube venmo paypal cashapp"""
# A first letter is compared faster than thirty names.
_NETWORK = rf"(?=[tifskdpglwyvcTIFSKDPGLWYVC抖小快])(?<![A-Za-z.])(?i:{'|'.join(_NETWORKS.split())})"
_HANDLES = (
    Rule(
        "account",
        rf"""{_NETWORK}(?:\s(?i:me|us|at|on|id|handle|user|account|is|name|dm|by)\b|[:：\s|(]|号|账号){{0,4}}
        (?P<value>@{_HANDLE})(?![A-Za-z0-9_@])""",
    ),
    Rule("account", rf"(?<![\w@.])(?P<value>@\s?{_HANDLE})(?=\s(?i:on|at|via)\s(?:my\s|our\s)?{_NETWORK})"),
)
_NAMED_HANDLES = Rule(
    "account",
    rf"""{_NETWORK}(?:\s?(?i:id|handle|user\s?name|account|user)(?:\s(?i:is|name))?\s?[:：=]?\s?|\s?[:：=]\s?)
    (?P<value>(?=[A-Za-z.]{{0,28}}[0-9_])(?=[0-9]*[A-Za-z_]|[0-9]{{6}}){_HANDLE})(?![A-Za-z0-9_@/])""",
    words=_NETWORKS,
)
_LOGINS = Rule(
    "account",
    r"""(?:(?:账号|帐号|账户|用户名|登录名|登陆名|会员名|户名)(?:是|为|[:：\s]){1,3}
    |(?=[ulamULAM])(?<![A-Za-z])(?i:user\s?name|user\s?id|login|account(?:\s(?:no\.?|number|name|id|\#))?|acct\.?
        |member(?:ship)?\s(?:no\.?|number|id|\#))\s?(?:[:：=\#]|(?i:is)\s)\s?)
    (?P<value>(?=[A-Za-z_.-]{0,30}[0-9])(?![0-9]+\.[0-9]+(?!\w))[A-Za-z0-9_][A-Za-z0-9_.-]{3,31}(?<!\.))(?![A-Za-z0-9_@/])""",
    words="账号 帐号 账户 用户名 登录名 登陆名 会员名 户名 user login account acct member",
)
# A login before what is asked of it: "wei70961的实名认证".
_LOGINS_ZH = Rule(
    "account",
    r"""(?<![A-Za-z0-9_.@/:=号款码-])(?P<value>[a-z][a-z_]{1,15}[0-9]{4,14})(?![A-Za-z0-9_@-])
    (?=\s?(?:的|这个|我的)?\s?(?:实名|账[号户]|帐号|会员(?!价)|用户名)|[\u4e00-\u9fff]{0,8}实名认证)""",
    words="实名 账 帐号 会员 用户",
)
# Signs without one of which no rule for Chinese names or for named handles finds anything.
_HANDLE_LIKE = re.compile("[0-9A-Za-z@:：](?:(?<=[0-9])[0-9]{4}|(?<=[A-Za-z])[A-Za-z0-9_-]{4}|(?<=[@:：]))")
# What the name of a handle or login holds: a figure or "_" among three or more characters of a name.
_VALUE_LIKE = re.compile("[0-9_](?:[A-Za-z0-9_.-]{2}|(?<=[A-Za-z0-9_.-].)[A-Za-z0-9_.-]|(?<=[A-Za-z0-9_.-]{2}.))")
_SAYING_ZH = ("号", "账", "帐", "名", "昵称", "户", "id", "博", "旺旺")
_SAYING_EN = (":", "=", "#", " is ", " id", "user", "account", "handle")
_SAYING = (*_SAYING_ZH, *_SAYING_EN)


def mask_accounts(text: str, lower: str, counts: Counts) -> str:
    """QQ, WeChat, Weibo, Wangwang and other accounts; a bare @name is none without the network's name beside it."""
    is_ascii = text.isascii()
    if is_ascii or _HANDLE_LIKE.search(text):
        if "q" in lower or "扣" in lower or "企鹅" in lower or "群" in lower:
            text = _QQ(text, lower, counts)
        if any(map(lower.__contains__, _WECHAT_SIGNS)):
            for named in _WECHAT:
                text = named(text, lower, counts)
        if not is_ascii and any(map(lower.__contains__, _SAYING_ZH)):
            for rule in _NAMES_ZH:
                text = rule(text, lower, counts)
        if not is_ascii:
            text = _LOGINS_ZH(text, lower, counts)
    if "@" in text:
        for rule in _HANDLES:
            text = rule(text, lower, counts)
    if _VALUE_LIKE.search(text) and any(map(lower.__contains__, _SAYING_EN if is_ascii else _SAYING)):
        text = _LOGINS(_NAMED_HANDLES(text, lower, counts), lower, counts)
    return text
