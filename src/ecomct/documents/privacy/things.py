"""What tells a number of a thing from a person's: the word before it, the unit after it, a date."""

from __future__ import annotations

import re

_THING_BEFORE = re.compile(
    r"""(?:sku|upc|ean|isbn|asin|mpn|oem|gtin|imei|meid|barcode|part|model|item|serial|catalog(?:ue)?|style|lot|ref|product|article|
    patent|s/n|p/n|sn|pn|id|mesh|grit|型号|货号|款号|条码|条形码|编号|编码|序列号|产品|商品|批号|料号|证书号?|专利号?|版本|图号|备案号?|
    许可证号?|批准文号|国药准字|砂纸|目数?|[$¥€£￥]|rmb|usd|cny|eur|hk|人民币)
    (?:\s?(?:numbers?|nos?\.?|code|id|码|号))?[\s:：.\#=-]{0,3}$""",
    re.IGNORECASE | re.VERBOSE,
)
_UNIT_AFTER = re.compile(
    r"""\s?(?:bytes?|元|块|万|亿|人|个|次|年|枚|套|件|颗|吨|股|点|步|米|公里|mah|ml|kg|g|mm|cm|km|hz|%|sectors|美元|rmb|usd)
    (?![a-z])""",
    re.IGNORECASE | re.VERBOSE,
)
DATE = re.compile(r"(?:19|20)\d\d([-./ ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)")


def names_no_thing(match: re.Match[str]) -> bool:
    """Whether no word before the number says that it names a thing, and no unit follows."""
    text = match.string
    if _THING_BEFORE.search(text[max(0, match.start() - 16) : match.start()]):
        return False
    return not _UNIT_AFTER.match(text, match.end())
