"""Mail and network addresses, and secrets inside links."""

from __future__ import annotations

import ipaddress
import re

from ecomct.documents.privacy.placeholders import PLACEHOLDERS, Counts, Rule

# A point before it may end a sentence ("好.abc@163.com"), unless it stands between two parts of the name.
_LOCAL = r"(?<![A-Za-z0-9_%+-])(?<![A-Za-z0-9_%+-]\.)[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}+"
_mails = Rule(
    "email",
    rf"""{_LOCAL}(?P<at>\s?@\s?)(?!\d+x\.)[A-Za-z0-9-]{{1,63}}(?:[.。][A-Za-z0-9-]{{1,63}})*?[.。](?P<end>[A-Za-z]{{2,24}})
    (?![A-Za-z0-9_])(?!\.[A-Za-z0-9])""",
    lambda match: _is_mail(match),
)
# Ends of files and of units, not of a host.
_ENDS = "png jpg jpeg gif svg webp js css html htm py txt json md so service"
_NO_DOMAIN = frozenset(_ENDS.split())
_spelt_mails = Rule(
    "email",
    rf"""(?:(?<![A-Za-z0-9._%+-])[A-Za-z0-9]{{1,20}}\s(?i:dot)\s)?{_LOCAL}\s?
    (?:[(\[{{]\s?(?i:at|@)\s?[)\]}}]|\s(?i:at)\s(?=[A-Za-z0-9-]+\s(?i:dot)\s)|艾特
        |\#(?=(?:qq|163|126|gmail|sina|hotmail|outlook|foxmail|139)[.点]))\s?
    [A-Za-z0-9-]{{1,63}}(?:\s?(?:[(\[{{]\s?(?i:dot|\.)\s?[)\]}}]|\s(?i:dot)\s|点|\.)\s?[A-Za-z0-9-]{{1,63}}){{1,4}}""",
)


def _is_mail(match: re.Match[str]) -> bool:
    local = match[0].partition("@")[0].strip()
    if match["end"].lower() in _NO_DOMAIN or local.lower() in ("git", "hg", "svn"):
        return False
    if match.string[max(0, match.start() - 3) : match.start()] == "://":
        return False  # a login, for the link's rule
    # "sold @ example.com" is a place.
    return match["at"] == "@" or (len(match["at"]) == 3 and not local.isalpha())


_SPELT = ("dot", "#", "艾特", "点com", "(at", "[at", "{at")
# What every such address has in its middle, in lower case. It begins with a set of characters, by which it is sought fast.
_SPELT_AT = re.compile(
    r"[(\[{\s艾\#](?:(?<=[(\[{])\s?(?:at|@)\s?[)\]}]|(?<=\s)at\s[a-z0-9-]+\sdot\s|(?<=艾)特"
    r"|(?<=\#)(?:qq|163|126|gmail|sina|hotmail|outlook|foxmail|139)[.点])"
)


def mask_emails(text: str, lower: str, counts: Counts) -> str:
    """Mail addresses, also with "(at)", " dot " or "点"."""
    if "@" in text:
        text = _mails(text, lower, counts)
    if any(map(lower.__contains__, _SPELT)) and _SPELT_AT.search(lower):
        text = _spelt_mails(text, lower, counts)
    return text


def _is_public_address(match: re.Match[str]) -> bool:
    """A private, reserved or documentation address names nobody; four numbers after "version" are a version."""
    if _VERSION.search(match.string[max(0, match.start() - 12) : match.start()]):
        return False
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    if address.version == 6:
        return address.is_global and match[0][0] in "23"
    if not address.is_global or address.is_multicast:
        return False
    # "13.0.1.20" may be a version, unless a number is large or a word says what it is.
    parts = match[0].split(".")
    if any(len(part) == 3 for part in parts) or sum(len(part) == 2 and part >= "30" for part in parts) >= 2:
        return True
    return _HOST.search(match.string[max(0, match.start() - 16) : match.start()]) is not None


_HOST = re.compile(
    r"(?:\bip|ip地?址?|地址|登[录陆]|server|host|ping|dns|://|from|addr(?:ess)?|at|address\s\w+|nameserver|服务器)[\s:：是为(=]*$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:version|ver\.?|firmware|release|build|固件|版本号?|升级到|(?<![A-Za-z])v)[\s:：是为.]*$", re.IGNORECASE
)
_addresses = Rule(
    "ip",
    r"""(?<![0-9A-Za-z_.-])[1-9][0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_])(?![.-][0-9A-Za-z])
    |(?<![0-9A-Za-z_:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![0-9A-Za-z_:])""",
    _is_public_address,
)


# Without one of these there is no address; it begins with a set of characters, by which it is sought fast.
_DOTTED = re.compile(
    r"[0-9A-Fa-f](?:(?<=[0-9])\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)",
)


def mask_ips(text: str, lower: str, counts: Counts) -> str:
    """Public IPv4 and IPv6 addresses."""
    return _addresses(text, lower, counts) if _DOTTED.search(text) else text


_SECRET = r"""(?:(?:access|auth|refresh|id|csrf|reset|login|user|share|x-amz-security)[_-]?)?token|authorization|
    session[_-]?(?:id|key)?|jsessionid|phpsessid|aspsessionid|ssid|api[_-]?key|app[_-]?key|secret(?:[_-]?key)?|client[_-]?secret|
    app[_-]?secret|password|passwd|pwd|sig|signature|x-amz-signature|openid|unionid|buyer[_-]?id|member[_-]?id|credential|sessid|skey"""
_LESS_SECRET = r"sid|uid|user[_-]?id|sign|auth|ticket"
_LONG_SECRET = r"(?P<value>(?=[^\s&\#]{0,80}[0-9])[A-Za-z0-9_-]{20,})"
# In order; each with what a text must hold for it to find anything.
_RULES_OF_LINKS: tuple[tuple[str, Rule], ...] = (
    ("@", Rule("url_token", r"(?<=://)(?P<value>[^\s/@:\[\]]{1,64}:[^\s/@\[\]]{1,128})(?=@)")),
    ("=", Rule("url_token", rf"""[?&;\#](?i:{_SECRET})=(?P<value>[^\s&\#;?<>"'\[\],，。)]{{4,}})""")),
    ("=", Rule("url_token", rf"""[?&;\#](?i:{_LESS_SECRET})=(?P<value>[^\s&\#;?<>"'\[\],，。)]{{6,}})""")),
    ("=", Rule("url_token", rf"[?&](?i:key|code|k|t|s)={_LONG_SECRET}")),
    ("=", Rule("phone", r"[?&](?i:phone|mobile|tel|cell)(?:_?(?:no|number))?=(?P<value>\+?[0-9][0-9-]{6,15})(?![0-9])")),
    ("", _addresses),
    ("@", _mails),
    ("=", Rule("email", r"(?<==)(?P<value>[A-Za-z0-9._+-]{1,64}%40[A-Za-z0-9.-]{1,63}\.[A-Za-z]{2,24})")),
)
_MASKED = "|".join(re.escape(placeholder) for placeholder in PLACEHOLDERS.values())
_ANCHOR, _LONGEST_SCHEME = re.compile(r"[:w](?:(?<=:)//|(?<=w)ww\.)"), 16
# A link ends where a printable ASCII character that it rarely holds, or a Chinese one, begins.
LINK = re.compile(
    r"""((?:[A-Za-z][A-Za-z0-9+.-]{1,15}+://|(?<![A-Za-z0-9.])www\.)"""
    rf"""(?:[^\s,()<>"'\[\]`{{}}|\\^\u0080-\U0010ffff]|{_MASKED})++)"""
)


def mask_links(text: str, kinds: frozenset[str], counts: Counts) -> str:
    """Secrets, logins, mail addresses and phones in the query of a link; the link stays."""
    has_address = _DOTTED.search(text) is not None
    if not has_address and "@" not in text and "=" not in text:
        return text
    for sign, rule in _RULES_OF_LINKS:
        if rule.kind in kinds and (sign in text if sign else has_address):
            text = rule(text, "", counts)
    return text


def cut_at_links(text: str) -> list[str]:
    """`LINK.split(text)`: what stands before, in and between links; every second part is a link.

    >>> cut_at_links("see https://a.example/b, or www.a.example.")
    ['see ', 'https://a.example/b', ', or ', 'www.a.example.', '']
    """
    parts, position = [], 0
    # A link begins at most as far before its anchor as a scheme is long: there it is sought, and not in all words.
    while anchor := _ANCHOR.search(text, position):
        link = LINK.search(text, max(position, anchor.start() - _LONGEST_SCHEME))
        if link is None:
            break
        parts += [text[position : link.start()], link[0]]
        position = link.end()
    return [*parts, text[position:]]
