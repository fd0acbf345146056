"""Precise English addresses: house, street and town, or a post box; a street or a town alone is none."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import Counts, Rule

_KINDS = """street str st avenue ave av road rd boulevard blvd drive dr lane ln court ct place pl square sq terrace ter
    trail trl parkway pkwy circle cir highway hwy way close crescent gardens grove mews row walk quay wharf broadway plaza
    loop run alley turnpike pike expressway expy freeway fwy"""
_STATES = """AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH
    OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY NSW VIC QLD ACT TAS ON BC QC AB MB SK NS NB"""
_STATE_NAMES = """Alabama Alaska Arizona Arkansas California Colorado Connecticut Delaware Florida Georgia Hawaii Idaho
    Illinois Indiana Iowa Kansas Kentucky Louisiana Maine Maryland Massachusetts Michigan Minnesota Mississippi Missouri
    Montana Nebraska Nevada Ohio Oklahoma Oregon Pennsylvania Tennessee Texas Utah Vermont Virginia Washington Wisconsin
    Wyoming"""
_STATE = (
    rf"(?:(?:{'|'.join((_STATES + ' ' + _STATE_NAMES).split())}"
    r"|New\s(?:Hampshire|Jersey|Mexico|York)|(?:North|South)\s(?:Carolina|Dakota)"
    r"|Rhode\sIsland|West\sVirginia)\b\.?)"
)
_KIND = rf"(?:{'|'.join(_KINDS.split())})\b\.?"
_UNIT = r"""(?:,?\s(?:(?:suite|ste|apt|apartment|unit|floor|fl|room|rm|flat|bldg|building|lot)\b\.?\s?\#?\s?[0-9A-Z][0-9A-Z-]{0,6}
    |\#\s?[0-9A-Z-]{1,7}))"""
_STREET = rf"""(?:[0-9]/[0-9]\s)?(?:[NSEW]{{1,2}}\.?\s)?(?:
    (?:(?:[A-Za-z0-9][\w'-]{{0,24}}|[A-Za-z]{{1,3}}\.)\s){{1,4}}?{_KIND}
    |broadway\b|av(?:enue|e)?\.?\sof\sthe\s[a-z]{{3,20}}\b
    |(?:us\s|state\s|county\s)?(?:highway|hwy|route|rt|road|rd)\.?\s[0-9]{{1,4}}\b)(?:\s[NSEW]{{1,2}}\b\.?)?"""
_WORD = r"[A-Za-z][A-Za-z.'-]{0,24}"
_CITY = rf"(?:,?\s|,|\n)(?:{_WORD}\s){{0,3}}?{_WORD}"
# America (and four figures, Australia), Britain, Canada.
_POST_CODE = r"""(?:[0-9]{5}(?:-[0-9]{4})?(?![0-9])|[A-Z]{1,2}[0-9][0-9A-Z]?\s[0-9][A-Z]{2}\b|[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9]\b
    |[0-9]{4}(?![0-9]))"""
_ADDRESS = rf"""(?<![0-9A-Za-z$€£.,/-])(?:
    (?P<flat>(?:flat|apt|unit|suite)\s?[0-9A-Z]{{1,5}},?\s)?[0-9]{{1,6}}(?:-[0-9]{{1,4}})?[A-Za-z]?\s(?P<street>{_STREET})(?P<unit>{_UNIT})?
    (?:{_CITY},?\s(?P<state>{_STATE})(?:,?\s(?P<zip>{_POST_CODE}))?|(?:{_CITY}){{1,2}},?\s(?P<code>{_POST_CODE}))?
    |(?P<box>p\.?\s?o\.?\s?box\s[0-9]{{1,6}}\b)(?:{_CITY},?\s{_STATE}(?:,?\s{_POST_CODE})?)?)"""
_ASKED_FOR = re.compile(
    r"""(?:address(?:es)?(?:\son\sfile)?|located|liv(?:e[sd]?|ing)|ship(?:ped|ping|s)?(?:\s(?:it|them|this|everything))?
    |deliver(?:ed|y|s)?(?:\sit)?|mail(?:ed)?(?:\sit)?|sen[dt](?:\s(?:it|them))?|home|resid(?:e[sd]?|ing)|moved|apartment|house|pick(?:ed)?\sup)
    \s?(?:is|was|at|to|from|:|\s){0,4}(?:my\s(?:house|home)\sat\s)?\s?$""",
    re.IGNORECASE | re.VERBOSE,
)
# Cheap, in lower case: figures, words, and what streets are called.
_SIGN = re.compile(rf"[0-9][a-z]?\s(?:[\w.'-]+\s){{0,5}}?(?:{'|'.join(_KINDS.split())}|route|rt)\b")
_BOX = re.compile(r"\bbox\s[0-9]")


def _is_address(match: re.Match[str]) -> bool:
    """A town with its state or code, a flat, or words that ask for an address; English words written small want a code."""
    if match["box"]:
        return True
    words = [word for word in match["street"].split() if word[0].isalpha() and word.lower() not in ("of", "the")]
    if not match["zip"] and not all(word[0].isupper() for word in words):
        return False
    if match["zip"] or match["unit"] or match["flat"]:
        return True
    if match["code"]:
        return not match["code"].isdigit() or len(match["code"]) >= 5
    if match["state"]:
        return match["state"].strip(".").isupper() or len(match["state"]) > 3
    before = match.string[max(0, match.start() - 40) : match.start()]
    return bool(_ASKED_FOR.search(before))


_addresses = Rule("address", _ADDRESS, _is_address, flags=re.IGNORECASE)


def mask_addresses_en(text: str, lower: str, counts: Counts) -> str:
    """`text` with precise American, British, Canadian and Australian addresses masked."""
    has_sign = _SIGN.search(lower) or ("box" in lower and _BOX.search(lower))
    return _addresses(text, lower, counts) if has_sign else text
