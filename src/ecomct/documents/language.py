"""Language of short text by script: right on a three-character title, where identifiers guess."""

from __future__ import annotations

import re
from typing import Literal

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")


def script_language(text: str) -> Literal["zh", "en"]:
    """`zh` where Han characters are a fifth or more of the letters, else `en`.

    A fifth, because Chinese titles carry long Latin brand and model names.

    >>> script_language("索尼 WH-1000XM5 无线降噪耳机"), script_language("Gift card 礼")
    ('zh', 'en')
    """
    han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    return "zh" if han and han * 4 >= latin else "en"
