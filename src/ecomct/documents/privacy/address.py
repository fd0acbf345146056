"""Precise addresses: a street and a number, or a flat of a house; a town, a district or a street alone is none."""

from __future__ import annotations

import re

from ecomct.documents.privacy.placeholders import PLACEHOLDERS, Counts, Rule

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_NUMERAL = "(?:[0-9]{1,5}|[一二三四五六七八九十百零〇]{1,6})"
# What follows the number of a house: court, house, entrance, floor, flat.
_PART = r"(?:[A-Za-z甲乙丙丁东西南北]?[-—]?(?:[0-9]{1,5}[A-Za-z]?|[A-Za-z]|[一二三四五六七八九十]{1,3})[-—]?(?:号楼|号院|栋|幢|单元|层|楼|室|号|座|户|弄|房|F|#))"
_TAIL = rf"(?:[,\s]?[{_HAN}]{{0,8}}?{_PART}){{0,4}}(?:[-—]?[0-9]{{3,4}}(?![0-9]))?"
_STREET = rf"""(?P<street>[{_HAN}]{{1,8}}(?<!公)(?:路|大街|街|大道|巷|弄|胡同|道|里|村|屯|段)(?:[东南西北中][段路]?|[一二三四五六七八九十]{{1,2}}段)?)
    (?P<number>[甲乙丙附]?(?:{_NUMERAL})(?:[-之—][0-9]{{1,4}})?(?:号|弄)(?![线桥码机召称令]|[0-9]?线))(?P<tail>{_TAIL})"""
_STREETS = re.compile(_STREET, re.VERBOSE)
_ESTATES = re.compile(
    rf"""(?P<street>[{_HAN}]{{2,10}}(?:小区|花园|花苑|家园|公寓|新村|社区|山庄|苑|宿舍|公馆|名城|广场|大厦|中心|嘉园|府|庭|城|园|里|湾|村|大学|学院|家属院))
    (?P<number>{_PART}|[0-9]{{1,3}}[-—][0-9]{{1,3}}[-—][0-9]{{2,4}})(?P<tail>{_TAIL})""",
    re.VERBOSE,
)
