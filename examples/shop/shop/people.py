"""Who writes and when: nicknames, account ids, times. All drawn, none real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .draw import Draw
from .notation import decide
from .products import read_once

_START = datetime(2022, 3, 1, tzinfo=UTC)
_DAYS = 760
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def nickname(draw: Draw) -> str:
    """Return a Chinese nickname."""
    section = next(section for section in read_once("zh/common.txt") if section.name == "用户")
    parts = decide([section], draw)
    tail = str(draw.between(1, 99)) if draw.chance(0.3) else ""
    return parts["姓"] + parts["名"] + tail


def account(draw: Draw) -> str:
    """Return an account id in the manner of a shop."""
    return "U" + "".join(draw.choice(_LETTERS) for _ in range(14))


def moment(draw: Draw) -> datetime:
    """Return a time in the two years that the shops have been open."""
    return _START + timedelta(days=draw.below(_DAYS), seconds=draw.below(86400))


def asin(number: int, prefix: str = "HP0") -> str:
    """Return a product key of Harbor & Pine; different for different numbers."""
    value = (number * 7919 + 104729) % (32**5)
    letters = ""
    for _ in range(5):
        value, rest = divmod(value, 32)
        letters = _LETTERS[rest] + letters
    return f"{prefix}{letters}"
