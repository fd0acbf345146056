"""National ids, bank cards and order numbers of zh and en text."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import LEFT, RIGHT, Counts, Cued, Rule, digits_of
from ecomct.documents.privacy.things import DATE, names_no_thing

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _is_resident_id(match: re.Match[str]) -> bool:
    """Check digit of GB 11643-1999 (ISO 7064 MOD 11-2)."""
    weighed = sum(int(digit) * weight for digit, weight in zip(match[0], _ID_WEIGHTS, strict=False))
    return "10X98765432"[weighed % 11] == match[0][-1].upper()


_ids = (
    Rule(
        "national_id",
        rf"{LEFT}[1-9][0-9]{{5}}(?:18|19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]{RIGHT}",
        _is_resident_id,
    ),
    Cued(
        "national_id",
        r"""(?:身份证|证件|(?=[iInN])(?<![A-Za-z])(?i:id\scard|id\snumber|national\sid))
        (?:号码?|号|是|为|[:：\s(,]|码|\#|(?i:no\.?|number|is\b)){0,5}""",
        rf"""{LEFT}(?:[1-9][0-9]{{5}}[-\s]?[0-9]{{8}}[-\s]?[0-9]{{3}}[0-9Xx]|[1-9][0-9]{{14}}|[A-Z][0-9]{{6}}\([0-9A]\))(?![0-9])""",
        words="身份证 证件 id",
    ),
    Cued(
        "national_id",
        r"(?=[sS])(?i:\bssn|social\ssecurity)(?:\s?(?i:no\.?|number|\#|is|was|:|\()){0,5}\s?",
        rf"{LEFT}[0-9]{{3}}[-\s]?[0-9]{{2}}[-\s]?[0-9]{{4}}{RIGHT}",
        words="ssn social",
    ),
    Cued(
        "national_id",
        r"""(?:护照|通行证|驾驶证|(?=[pdPD])(?i:passport|driver'?s?\slicen[cs]e))
        (?:号码?|号|是|为|[:：\s]|(?i:no\.?|number|\#|is)){0,5}""",
        rf"{LEFT}(?:[A-Z]{{1,2}}[0-9]{{7,9}}|[0-9]{{9,12}}){RIGHT}",
        words="护照 通行证 驾驶证 passport licen",
    ),
)


def mask_national_ids(text: str, lower: str, counts: Counts) -> str:
    """Resident ids of 18 digits (by check digit), or of 18 and 15 after their name; social security, passport by name."""
    for rule in _ids:
        text = rule(text, lower, counts)
    return text


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
    # "3000 3100 3200 3300" is a column of figures.
    return has_luhn(digits_of(match[0])) and match[0].count("00") < 4 and names_no_thing(match)


_BANKS = "工商银行 建设银行 农业银行 中国银行 招商银行 交通银行 邮政银行 邮储银行 工行 建行 农行 中行 招行"
_cards = (
    Rule(
        "bank_card",
        rf"""{LEFT}(?:62[0-9]{{14}}(?:[0-9]{{3}})?
        |[3-6][0-9]{{3}}(?P<gap>[-\s])[0-9]{{4}}(?P=gap)[0-9]{{4}}(?P=gap)[0-9]{{4}}(?:(?P=gap)[0-9]{{3}})?
        |3[47][0-9]{{2}}[-\s][0-9]{{6}}[-\s][0-9]{{5}}){RIGHT}""",
        _is_card,
    ),
    Cued(
        "bank_card",
        rf"""(?:银行卡|信用卡|储蓄卡|借记卡|卡号|银行账[号户]|开户行|{_BANKS.replace(" ", "|")}
        |(?=[cdbvmaiCDBVMAI])(?i:\b(?:credit|debit|bank|visa|master)\s?card|\bcard\s(?:numbers?|nos?\b|num\b|\#)|\bvisa|\bmastercard
            |\bamex|\biban))(?:号码?|号|是|为|[:：\s(,]|码|\#|账|卡|(?i:no\.?|numbers?|is\b|ending\b|my\b)){{0,6}}""",
        rf"""{LEFT}(?:[0-9]{{4}}(?:[-\s]?[0-9]{{4}}){{2,3}}(?:[-\s]?[0-9]{{1,3}})?|3[47][0-9]{{2}}[-\s]?[0-9]{{6}}[-\s]?[0-9]{{5}}
        |[A-Z]{{2}}[0-9]{{2}}(?:\s?[A-Z0-9]{{4}}){{3,7}}(?:\s?[A-Z0-9]{{1,3}})?){RIGHT}""",
        words="卡 账号 账户 行 card visa amex iban",
    ),
)


def mask_bank_cards(text: str, lower: str, counts: Counts) -> str:
    """Card numbers: UnionPay's or in groups of four, by check digit; of any form after their name."""
    for rule in _cards:
        text = rule(text, lower, counts)
    return text


def _is_order(value: re.Match[str]) -> bool:
    return len(digits_of(value[0])) >= 5 and not DATE.match(value[0])


_ORDER_WORDS = "order tracking waybill shipment consignment parcel awb rma confirmation transaction invoice booking receipt"
_COURIERS = "顺丰 圆通 中通 申通 韵达 天天 百世 极兔 德邦 菜鸟 邮政 京东 快递 物流 速运"
_COURIERS_EN = "ems fedex ups usps dhl tnt tracking shipment"
_orders = (
    Rule(
        "order_number",
        rf"""{LEFT}(?:1[0-9]{{2}}-[0-9]{{7}}-[0-9]{{7}}|1Z[0-9A-Z]{{16}}|SF[0-9]{{12,15}}|YT[0-9]{{13}}|JD[A-Z]{{0,2}}[0-9]{{11,14}}|CAE[0-9]{{9}}
        |[A-Z]{{2}}[0-9]{{9}}(?:CN|US|GB|HK|SG|JP|DE)){RIGHT}""",
    ),
    Cued(
        "order_number",
        rf"""(?:[订定]单|訂單|运单|快递单?(?=号)|快递单|物流单|货运单|流水|交易|工单|退款单|包裹单|退货单|发货单|取件|单(?=号|號))
        (?:单|号码?|编号|號|尾号|查询码|码)?(?:是|为|[:：\s(\#]|分别|(?i:no\.?)){{0,4}}
        |(?=[otwscparcibOTWSCPARCIB])(?<![A-Za-z])(?i:{_ORDER_WORDS.replace(" ", "|")})\s?\(?
        (?:\s?(?i:numbers?\b|no\b\.?|nos\b\.?|id\b|\#|code\b|num\b|ref\b)\s?(?:is\b|was\b|[:：\#=])?|\s?[:：])\s{{0,2}}[\#]?""",
        rf"{LEFT}(?=[A-Za-z-]{{0,6}}[0-9])[A-Z0-9a-z](?:-?[A-Z0-9a-z]){{5,31}}(?![0-9A-Za-z])(?!:[0-9])",
        _is_order,
        words=f"单 單 流水 交易 取件 快递 {_ORDER_WORDS}",
    ),
    # "884512的订单", but not 100000 of them.
    Rule(
        "order_number",
        rf"{LEFT}(?!1[3-9][0-9]{{9}}(?![0-9])|[1-9]0+(?![0-9]))[0-9]{{6,22}}(?=\s?[的号这]?(?:订单|快递单|运单|单号)(?![数总金量]))",
        _is_order,
        words="单",
    ),
    # Of a mobile number after "快递" it is not said what it is.
    Cued(
        "order_number",
        rf"""(?:{_COURIERS.replace(" ", "|")}|(?=[efudtsEFUDTS])(?<![A-Za-z])(?i:{_COURIERS_EN.replace(" ", "|")}))
        (?:快递|速运|快运|物流|包裹|单|号|编号|是|[:：\s(,，]|(?i:tracking|package|parcel|shipment|says)\b){{0,5}}""",
        rf"{LEFT}(?!1[3-9][0-9]{{9}}(?![0-9]))[A-Z]{{0,4}}[0-9]{{10,22}}{RIGHT}",
        words=f"{_COURIERS} {_COURIERS_EN}",
    ),
)


def mask_order_numbers(text: str, lower: str, counts: Counts) -> str:
    """Numbers of orders and parcels after their name; those of Amazon, UPS, S.F. and the postal union by their form."""
    for rule in _orders:
        text = rule(text, lower, counts)
    return text
