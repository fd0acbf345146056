"""Precise English addresses: house, street and town, or a post box; a street or a town alone is none."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import Counts, Rule

_KINDS = """street|str|st|avenue|ave|av|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|place|pl|square|sq|terrace|ter|trail|trl|parkway|
    pkwy|circle|cir|highway|hwy|way|close|crescent|gardens|grove|mews|row|walk|quay|wharf|broadway|plaza|loop|run|alley|turnpike|pike|expressway|expy|freeway|fwy"""
_STATES = """AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|
    VT|VA|WA|WV|WI|WY|NSW|VIC|QLD|ACT|TAS|ON|BC|QC|AB|MB|SK|NS|NB"""
_STATE_NAMES = """Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|
    Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New\\sHampshire|New\\sJersey|
    New\\sMexico|New\\sYork|North\\sCarolina|North\\sDakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode\\sIsland|South\\sCarolina|South\\sDakota|Tennessee|
    Texas|Utah|Vermont|Virginia|Washington|West\\sVirginia|Wisconsin|Wyoming"""
_UNIT = r"(?:,?\s(?:(?:suite|ste|apt|apartment|unit|floor|fl|room|rm|flat|bldg|building|lot)\b\.?\s?\#?\s?[0-9A-Z][0-9A-Z-]{0,6}|\#\s?[0-9A-Z-]{1,7}))"
_WORD = r"[A-Za-z][A-Za-z.'-]{0,24}"
_CITY = rf"(?:,?\s|,|\n)(?:{_WORD}\s){{0,3}}?{_WORD}"
_POST_CODE = r"(?:[0-9]{5}(?:-[0-9]{4})?(?![0-9])|[A-Z]{1,2}[0-9][0-9A-Z]?\s[0-9][A-Z]{2}\b|[A-Z][0-9][A-Z]\s?[0-9][A-Z][0-9]\b|[0-9]{4}(?![0-9]))"
_ADDRESS = rf"""(?<![0-9A-Za-z$€£.,/-])(?:
    (?:(?P<flat>(?:flat|apt|unit|suite)\s?[0-9A-Z]{{1,5}},?\s))?
    [0-9]{{1,6}}(?:-[0-9]{{1,4}})?[A-Za-z]?\s(?:[0-9]/[0-9]\s)?(?:[NSEW]{{1,2}}\.?\s)?(?:(?:[A-Za-z0-9][\w.'-]{{0,24}}\s){{1,4}}?(?:{_KINDS})\b\.?|broadway\b|av(?:enue|e)?\.?\sof\sthe\s[a-z]{{3,20}}\b|(?:us\s|state\s|county\s)?(?:highway|hwy|route|rt|road|rd)\.?\s[0-9]{{1,4}}\b)(?:\s[NSEW]{{1,2}}\b\.?)?
    (?P<unit>{_UNIT})?
    (?P<town>{_CITY},?\s(?P<state>(?:{_STATES}|{_STATE_NAMES})\b\.?)(?:,?\s(?P<zip>{_POST_CODE}))?|(?:{_CITY}){{1,2}},?\s(?P<code>{_POST_CODE}))?
    |(?P<box>p\.?\s?o\.?\s?box\s[0-9]{{1,6}}\b)(?:{_CITY},?\s(?:{_STATES}|{_STATE_NAMES})\b\.?(?:,?\s{_POST_CODE})?)?
    )"""
_ASKED_FOR = re.compile(
    r"(?:address(?:es)?(?:\son\sfile)?|located|liv(?:e[sd]?|ing)|ship(?:ped|ping|s)?(?:\s(?:it|them|this|everything))?|deliver(?:ed|y|s)?(?:\sit)?|mail(?:ed)?(?:\sit)?|"
    r"sen[dt](?:\s(?:it|them))?|home|resid(?:e[sd]?|ing)|moved|apartment|house|picked\sup|pick\sup)\s?(?:is|was|at|to|from|:|\s){0,4}(?:my\s(?:house|home)\sat\s)?\s?$",
    re.IGNORECASE,
)


def _is_address(match: re.Match[str]) -> bool:
    """A town with its state or code, a flat, or words that ask for an address; English words written small want a code."""
    if match["box"]:
        return True
    if match["zip"] or match["unit"] or match["flat"]:
        return True
    if match["code"]:
        return not match["code"].isdigit() or len(match["code"]) >= 5
    if match["state"]:
        return match["state"][0].isupper()
    before = match.string[max(0, match.start() - 40) : match.start()]
    return bool(_ASKED_FOR.search(before)) and any(word[:1].isupper() for word in match[0].split()[1:])


_addresses = Rule("address", _ADDRESS, _is_address, re.IGNORECASE)


def mask_addresses_en(text: str, counts: Counts) -> str:
    """`text` with precise American, British, Canadian and Australian addresses masked."""
    return _addresses(text, counts)
