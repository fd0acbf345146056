"""Phone numbers, national ids, bank cards and order numbers of zh and en text."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import LEFT, RIGHT, Counts, Cued, Rule, digits_of

# Words before a number that say that it names a thing, and units after it that say that it counts.
_THING_BEFORE = re.compile(
    r"""(?:sku|upc|ean|isbn|asin|mpn|oem|gtin|imei|meid|barcode|part|model|item|serial|catalog(?:ue)?|style|lot|ref|product|article|
    patent|s/n|p/n|sn|pn|id|型号|货号|款号|条码|条形码|编号|编码|序列号|产品|商品|批号|料号|证书号?|专利号?|版本|图号|备案号?|许可证号?|
    批准文号|国药准字|mesh|grit|砂纸|目数?|[$¥€£￥]|rmb|usd|cny|eur|hk|人民币)(?:\s?(?:numbers?|nos?\.?|code|id|码|号))?[\s:：.\#=-]{0,3}$""",
    re.IGNORECASE | re.VERBOSE,
)
_UNIT_AFTER = re.compile(
    r"\s?(?:bytes?|元|块|万|亿|人|个|次|年|mah|ml|kg|g|mm|cm|km|hz|%|sectors|枚|套|件|颗|吨|股|点|步|米|公里|美元|rmb|usd)(?![a-z])", re.IGNORECASE
)
_DATE = re.compile(r"(?:19|20)\d\d([-./ ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)")


def _names_no_thing(match: re.Match[str]) -> bool:
    text = match.string
    if _THING_BEFORE.search(text[max(0, match.start() - 16) : match.start()]):
        return False
    return not _UNIT_AFTER.match(text, match.end())


def _is_number_to_call(value: re.Match[str]) -> bool:
    """Seven to fifteen digits that are no date."""
    return 7 <= len(digits_of(value[0])) <= 15 and not _DATE.match(value[0])


def _is_resident_id(match: re.Match[str]) -> bool:
    """Check digit of GB 11643-1999 (ISO 7064 MOD 11-2)."""
    weighed = sum(int(digit) * weight for digit, weight in zip(match[0], _ID_WEIGHTS, strict=False))
    return "10X98765432"[weighed % 11] == match[0][-1].upper()


_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def has_luhn(number: str) -> bool:
    """Whether the last digit is the check digit of a card (ISO/IEC 7812).

    >>> has_luhn("4111111111111111"), has_luhn("4111111111111112")
    (True, False)
    """
    total = 0
    for index, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_card(match: re.Match[str]) -> bool:
    return has_luhn(digits_of(match[0])) and _names_no_thing(match)


_DASH = "[-\u2010-\u2015\u2212]"
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_PHONES = rf"""
    (?<![0-9_])(?<![0-9][-.])
    (?:(?:\(?(?:\+|00)?86\)?[-\s]?)?1[3-9][0-9](?:[0-9]{{8}}|{_DASH}[0-9]{{4}}{_DASH}[0-9]{{4}}|\s[0-9]{{4}}\s[0-9]{{4}})
    |\+(?=[1-9])[0-9]{{1,3}}(?:[-.\s]{{0,2}}\(?[0-9]{{1,5}}\)?){{2,5}}
    |(?:\(?\+?86\)?[-\s]?)?(?:\({_AREA}\)[-\s]?|{_AREA}{_DASH}{{1,2}})[2-9][0-9]{{2,3}}[-\s]?[0-9]{{4}}(?:(?:{_DASH}|转|\s?ext\.?\s?)[0-9]{{1,5}})?
    |(?:0[0-9]{{2,3}}-)?[48]00(?:[0-9]{{7}}|[-\s][0-9]{{7}}|[-\s][0-9]{{3}}[-\s][0-9]{{4}}|[-\s][0-9]{{4}}[-\s][0-9]{{3}})(?:[转-][0-9]{{1,5}})?
    |(?:\+?1[-.\s]?)?(?:\([2-9][0-9]{{2}}\)[-.\s]?|[2-9][0-9]{{2}}(?P<gap>[-./]))[2-9][0-9]{{2}}(?(gap)(?P=gap)|[-.\s])[0-9]{{4}}(?:\s?(?:x|ext\.?)\s?[0-9]{{1,5}})?
    |(?:\+?1[-\s])?[2-9][0-9]{{2}}[\s/][2-9][0-9]{{2}}-[0-9]{{4}}
    |020\s[378][0-9]{{3}}\s[0-9]{{4}}|07[0-9]{{3}}\s[0-9]{{3}}\s?[0-9]{{3}}|0[38]00\s[0-9]{{3}}\s[0-9]{{4}}
    |0[1-9][0-9]{{0,2}}-[0-9]{{3,4}}-[0-9]{{3,4}}
    )(?![0-9A-Z_])(?![-.][0-9])"""
_LETTERS_BEFORE = re.compile(r"[A-Za-z]{1,12}$")
_LETTERS_OF_CONTACT = frozenset(
    "v vx wx tel telephone t phone mobile mob call callus m p qq weixin wechat v+ whatsapp at".split()
)


def _is_phone(match: re.Match[str]) -> bool:
    if match[0][0] == "+" and not 8 <= len(digits_of(match[0])) <= 15:
        return False
    letters = _LETTERS_BEFORE.search(match.string[max(0, match.start() - 13) : match.start()])
    if letters and letters[0].lower() not in _LETTERS_OF_CONTACT:
        return False
    return _names_no_thing(match)


_NUMBER = (
    r"""[+(]{0,2}[0-9]{1,15}(?:[-.\s()]{1,3}[0-9]{3,8}|[-.()]{1,2}[0-9]{2}){0,5}(?:(?:转|-|\s?ext\.?\s?)[0-9]{1,5})?(?![0-9])"""
)
_PHONE_CUE = r"""(?:电话|電話|手机|手機|联系方式|热线|熱線|致电|拨打|座机|传真|专线|專線|短信|来电|客服|固话|联系我?|(?<![A-Za-z])(?:
    [Tt][Ee][Ll](?:ephone)?|[Pp]hones?|PHONE|[Cc]all(?:ing|s|ed)?|[Mm]obile|MOBILE|[Cc]ell|[Ff]ax|FAX|[Hh]otline|[Ww]hats[Aa]pp|[Tt]ext|[Dd]ial|
    [Tt]oll[ -][Ff]ree|SMS|Ph|TEL|Mob|M|T|P)(?![A-Za-z]))
    (?:号码?|号|是|为|[:：\s(,，./#-]|码|我们?|您?可?打|一下|咨询|服务|no\b|[Nn]umbers?|at\b|us\b|me\b|on\b|is\b|now\b|today\b|line\b|my\b|our\b|him\b|her\b|them\b|
    cell\b|phone\b|toll[ -]free\b){0,8}"""
_phones = Rule("phone", _PHONES, _is_phone)
_cued_phones = Cued("phone", _PHONE_CUE, LEFT + _NUMBER, _is_number_to_call)


def mask_phones(text: str, counts: Counts) -> str:
    """Mobile and fixed numbers of China, 400 and 800 numbers, American, British and international forms; any by its cue."""
    return _cued_phones(_phones(text, counts), counts)


_ID_CUE = r"""(?:身份证|证件|(?<![A-Za-z])(?:ID\s[Cc]ard|ID\s[Nn]umber|[Nn]ational\sID))(?:号码?|号|是|为|[:：\s(,]|码|\#|[Nn]o\.?|[Nn]umber|is\b){0,5}"""
_resident_ids = Rule(
    "national_id",
    rf"{LEFT}[1-9][0-9]{{5}}(?:18|19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]{RIGHT}",
    _is_resident_id,
)
_cued_ids = Cued(
    "national_id",
    _ID_CUE,
    rf"{LEFT}(?:[1-9][0-9]{{5}}[-\s]?[0-9]{{8}}[-\s]?[0-9]{{3}}[0-9Xx]|[1-9][0-9]{{14}}|[A-Z][0-9]{{6}}\([0-9A]\))(?![0-9])",
)
_social_security = Cued(
    "national_id",
    r"(?i:\bssn|social\ssecurity)(?:\s?(?i:no\.?|number|\#|is|was|:|\()){0,5}\s?",
    rf"{LEFT}[0-9]{{3}}[-\s]?[0-9]{{2}}[-\s]?[0-9]{{4}}{RIGHT}",
)
_passports = Cued(
    "national_id",
    r"(?:护照|通行证|驾驶证|(?i:passport|driver'?s?\slicen[cs]e))(?:号码?|号|是|为|[:：\s]|(?i:no\.?|number|\#|is)){0,5}",
    rf"{LEFT}(?:[A-Z]{{1,2}}[0-9]{{7,9}}|[0-9]{{9,12}}){RIGHT}",
)


def mask_national_ids(text: str, counts: Counts) -> str:
    """Resident ids of 18 digits (by check digit), or of 18 and 15 after their name; social security, passport by name."""
    text = _cued_ids(_resident_ids(text, counts), counts)
    return _passports(_social_security(text, counts), counts)


_cards = Rule(
    "bank_card",
    rf"""{LEFT}(?:62[0-9]{{14}}(?:[0-9]{{3}})?|[3-6][0-9]{{3}}(?P<gap>[-\s])[0-9]{{4}}(?P=gap)[0-9]{{4}}(?P=gap)[0-9]{{4}}(?:(?P=gap)[0-9]{{3}})?
    |3[47][0-9]{{2}}[-\s][0-9]{{6}}[-\s][0-9]{{5}}){RIGHT}""",
    _is_card,
)
_cued_cards = Cued(
    "bank_card",
    r"""(?:银行卡|信用卡|储蓄卡|借记卡|卡号|(?:工商|建设|农业|中国|招商|交通|邮政|邮储)银行|工行|建行|农行|中行|招行|银行账[号户]|开户行|
    (?i:\b(?:credit|debit|bank|visa|master)\s?card|\bcard\s(?:numbers?|nos?\b|num\b|\#)|\bvisa|\bmastercard|\bamex|\biban))
    (?:号码?|号|是|为|[:：\s(,]|码|\#|账|(?i:no\.?|numbers?|is\b|ending\b|my\b)){0,6}""",
    rf"{LEFT}(?:[0-9]{{4}}(?:[-\s]?[0-9]{{4}}){{2,3}}(?:[-\s]?[0-9]{{1,3}})?|3[47][0-9]{{2}}[-\s]?[0-9]{{6}}[-\s]?[0-9]{{5}}|[A-Z]{{2}}[0-9]{{2}}(?:\s?[A-Z0-9]{{4}}){{3,7}}(?:\s?[A-Z0-9]{{1,3}})?){RIGHT}",
)


def mask_bank_cards(text: str, counts: Counts) -> str:
    """Card numbers: UnionPay's or in groups of four, by check digit; of any form after their name."""
    return _cued_cards(_cards(text, counts), counts)


_ORDER_VALUE = rf"{LEFT}(?=[A-Za-z-]{{0,6}}[0-9])[A-Z0-9a-z](?:-?[A-Z0-9a-z]){{5,31}}(?![0-9A-Za-z])(?!:[0-9])"
_cued_orders = Cued(
    "order_number",
    r"""(?:订单|訂單|运单|快递单|物流单|货运单|流水|交易|工单|退款单|包裹单|退货单|发货单|取件|单(?=号|號))
    (?:单|号码?|编号|號|尾号|查询码|码)?
    (?:是|为|[:：\s(\#]|分别|(?i:no\.?)){0,4}
    |(?<![A-Za-z])(?i:order|tracking|waybill|shipment|consignment|parcel|awb|rma|confirmation|transaction|reference|invoice|booking|receipt)
    \s?\(?(?:\s?(?i:numbers?\b|no\b\.?|nos\b\.?|id\b|\#|code\b|num\b|ref\b)\s?(?:is\b|was\b|[:：\#=])?|\s?[:：])\s{0,2}[\#]?""",
    _ORDER_VALUE,
    lambda value: sum("0" <= character <= "9" for character in value[0]) >= 5 and not _DATE.match(value[0]),
)
_orders = Rule(
    "order_number",
    rf"{LEFT}(?:1[0-9]{{2}}-[0-9]{{7}}-[0-9]{{7}}|1Z[0-9A-Z]{{16}}|SF[0-9]{{12,15}}|YT[0-9]{{13}}|JD[A-Z]{{0,2}}[0-9]{{11,14}}|[A-Z]{{2}}[0-9]{{9}}(?:CN|US|GB|HK|SG|JP|DE)){RIGHT}",
)


_couriers = Cued(
    "order_number",
    r"""(?:顺丰|圆通|中通|申通|韵达|天天|百世|极兔|德邦|菜鸟|邮政|京东|快递|物流|速运|(?<![A-Za-z])(?i:ems|fedex|ups|usps|dhl|tnt|tracking|shipment))
    (?:快递|速运|快运|物流|包裹|单|号|编号|是|[:：\s(]|(?i:tracking|package|parcel|shipment|says)\b){0,5}""",
    rf"{LEFT}(?!1[3-9][0-9]{{9}}(?![0-9]))[A-Z]{{0,4}}[0-9]{{10,22}}{RIGHT}",
)


def mask_order_numbers(text: str, counts: Counts) -> str:
    """Numbers of orders and parcels after their name; those of Amazon, UPS, S.F. and the postal union by their form."""
    return _couriers(_cued_orders(_orders(text, counts), counts), counts)
