"""Precise Chinese addresses: a street and a number, or a flat of a house; a town, a district or a street alone is none.

A number of a house is found first, then its beginning is sought to the left: at the first place name after the last word
that belongs to no address, or, without a place name, at the name of the street.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecomct.documents.privacy.placeholders import Counts, replaced

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_PLACES = """北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|
    贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门|深圳|广州|杭州|南京|苏州|武汉|成都|西安|长沙|郑州|
    青岛|大连|宁波|厦门|沈阳|哈尔滨|济南|合肥|福州|昆明|无锡|东莞|佛山|石家庄|太原|长春|南昌|南宁|贵阳|兰州|海口|温州|
    常州|徐州|烟台|珠海|中山|惠州"""
# Places of three and more characters; the others are two and what they are: city, district, county, town.
_LONG_NAMES = """石家庄|秦皇岛|张家口|呼和浩特|乌兰察布|呼伦贝尔|鄂尔多斯|哈尔滨|齐齐哈尔|佳木斯|牡丹江|双鸭山|七台河|
    大兴安岭|连云港|张家港|马鞍山|景德镇|平顶山|三门峡|驻马店|张家界|防城港|攀枝花|六盘水|西双版纳|乌鲁木齐|克拉玛依|
    嘉峪关|葫芦岛|都江堰|公主岭|石景山|门头沟|黄浦江|浦东新|滨海新|两江新|西海岸新|天府新|经济技术开发|高新技术产业开发|
    经济开发|高新技术开发|高新|开发"""
_PLACE = re.compile(
    rf"(?:{_PLACES})|(?:{_LONG_NAMES}|(?:(?![省市县于在])[{_HAN}]){{2}})(?:(?<![超门股城])市|(?<![小社校片景厂园地山专])区|县|旗|州|镇|乡)",
    re.VERBOSE,
)
_HAN_NUMERAL = "[一二三四五六七八九十百零〇]{1,6}"
# "一座", "三栋" and "一弄" count or do; with figures they may be a house's.
_NUMBER = re.compile(
    rf"""[甲乙丙丁附]?(?:(?:[0-9]{{1,5}}|{_HAN_NUMERAL})(?:[-—–][0-9]{{1,4}})?(?:号楼|号院|号|组|队)
    |[0-9]{{1,5}}(?:[-—–][0-9]{{1,4}})?(?:弄|栋|幢|单元|\#))
    (?![0-9]?线|[桥码机召称令车字店]|地(?![下上址]))""",
    re.VERBOSE,
)
_PART = r"""(?:[A-Za-z甲乙丙丁东西南北]?[-—–]?(?:[0-9]{1,5}[A-Za-z]?|[A-Za-z])[-—–]?
        (?:号楼|号院|栋|幢|单元|层|楼|室|号(?!线)|座|户|弄|房|门(?![口外前])|[Ff]|\#)(?:之[0-9一二三四五六])?
    |[一二三四五六七八九十]{1,3}(?:号楼|号院|单元|层|楼|室|号(?!线)))"""
_GAP = rf"(?:(?![的是在有了我你他到和与于从等共就也不或及今])[{_HAN}]){{1,10}}?[A-Za-z]?"
_TAIL = re.compile(
    rf"(?:[,，、\s]?(?:{_GAP})??{_PART}){{0,5}}(?:(?<=[层楼元栋幢座院号门\#])[-—–]?(?:[A-Z]?[0-9]{{2,4}}|[A-Z][0-9]{{0,2}}[-—–][0-9]{{2,4}})(?![0-9.])(?:室|房)?"
    rf"|{_GAP}[0-9]{{1,3}}[-—–][0-9]{{2,4}}(?![0-9])(?:室|房)?"
    rf"|{_GAP}(?:(?<=[酒饭]店)|(?<=[大园商公宾医学][厦楼区场寓馆院校城])|(?<=广场|中心|花园|小区))(?![{_HAN}A-Za-z0-9]))?",
    re.VERBOSE,
)
# What an address does not go on over; a space or a comma only after a place, a dash only before figures.
_BREAK = re.compile(
    rf"[^{_HAN}A-Za-z0-9· ,，—-]|(?<![省市区县镇乡路街道])[ ,，]|(?<![{_HAN}A-Za-z0-9])[—-]|[—-](?![0-9])",
)
# Words of no address: what stands before them does not belong to it.
_NO_ADDRESS = re.compile(
    "以及|或者?|与|及|(?<![呼雍颐])和(?![平路街])|地处|随后|抢劫|该市|掉|称(?!多)|位[于於]|坐落|来自|地点|改为|名为|还有|没有|[后前]面|旁边|对面|附近|驻(?!马)|于(?![洪都])|[的是了在到我你您她他们这那住寄址给位离至叫去送拿搁]|(?<!解)放|[我你他她]们?家|[A-Za-z](?![区座栋0-9])|邮[寄到]|发[货到]|收货|[:：]"
)
_STREET = re.compile(rf"[{_HAN}](?:路|大街|街|大道|巷|胡同|弄|里弄)(?:[东南西北中][段路侧]?|[一二三四五六七八九十]{{1,2}}段)?$")
_PLAIN_STREET = re.compile(
    rf"[{_HAN}](?:道|里|村|屯|庄|段|坊|坡|营|湾|镇|乡|桥|口|门|园|院|区|庙|坪|社|队|寨|塘|头|[东南西北])(?:[东南西北中])?$"
)
_NO_STREET = re.compile(
    "(?:^[条一半]|[上下走铁公道马思套门退出线电网回销后前绕问带修十]|网络|公交|逛|边|过)(?:路|街)$|高速$|国道$|省道$|[年月日元点个天](?:路|街)$",
)
_ESTATE = re.compile(
    rf"(?<=[{_HAN}]{{2}})(?:小区|花园|花苑|家园|公寓|新村|社区|山庄|[苑府庭城园里湾村寓阁居轩邸院厦]|宿舍|宿舍区|公馆|名城|广场|大厦|中心|嘉园|大学|学院|家属院|[一二三四五六0-9]期|[A-Za-z一二三四五六东西南北]区)$"
)
_GOES_ON = re.compile("[-—–]?[0-9A-Za-z甲乙丙东西一二三四五六七八九十]")
_CUE_WORDS = ("地址", "住址", "寄往", "寄到", "寄给", "送到", "邮到", "发到", "家住")
_CUE = re.compile(
    rf"""(?:(?:地址|住址|寄[往到给]|送到|邮到|发到|家住)(?:(?:就?是|为|在|[:：\s])){{0,3}}
    (?P<value>[{_HAN}A-Za-z0-9\#()·-]{{4,60}}(?![0-9]|\.[0-9])))""",
    re.VERBOSE,
)
_PRECISE = re.compile(
    rf".*(?:[路街道巷弄村镇乡苑园座栋庄庭府寓屯社院号区厦城楼][{_HAN}A-Za-z]{{0,8}}[0-9]{{1,5}}(?:[-#][0-9]{{1,4}}){{0,3}}(?:{_PART})*(?:号(?:楼|院)?(?!出口)|栋|幢|室|楼|层|组|队|单元|门|院|户|\#|$|(?<=-[0-9]{{3}})|(?<=-[0-9]{{4}}))|[村社][一二三四五六七八九十]{{1,2}}[组队社])",
    re.VERBOSE,
)


def mask_addresses_zh(text: str, counts: Counts) -> str:
    """`text` with precise Chinese addresses masked; linear, as every number looks back 48 characters at most."""
    text = replaced(text, "address", _numbered(text), counts)
    if any(map(text.__contains__, _CUE_WORDS)):
        text = replaced(text, "address", _cued(text), counts)
    return text


def _numbered(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    for number in _NUMBER.finditer(text):
        if number.start() < position:
            continue
        tail = _TAIL.match(text, number.end())
        assert tail is not None  # it may be empty
        start = _beginning(text, position, number, _GOES_ON.match(text, number.end(), tail.end()) is not None)
        if start >= 0:
            position = tail.end()
            yield start, position


def _cued(text: str) -> Iterator[tuple[int, int]]:
    for cue in _CUE.finditer(text):
        if precise := _PRECISE.match(cue["value"]):
            yield cue.start("value"), cue.start("value") + precise.end()


def _beginning(text: str, floor: int, number: re.Match[str], goes_on: bool) -> int:
    """Where the address begins of which `number` is a part; -1 if there is none. `goes_on`: a flat or floor follows."""
    floor = max(floor, number.start() - 48)
    begin = max([found.end() for found in _BREAK.finditer(text, floor, number.start())], default=floor)
    chain, house = text[begin : number.start()], number[0][-1] in "号弄院"
    if not chain:
        return -1
    # A name keeps two characters and what it is: "和平路".
    start = max([stop.end() for stop in _NO_ADDRESS.finditer(chain) if len(chain) - stop.end() >= 3], default=0)
    street = _STREET.search(chain, start) if house else None
    if street and _NO_STREET.search(chain, start):
        street = None
    place = _PLACE.search(chain, start)
    if number[0][-1] in "组队":
        return begin + place.start() if place and chain[-1] in "村社屯庄寨" else -1
    if place and (street or (house and _PLAIN_STREET.search(chain, place.end())) or (goes_on and len(chain) > place.end())):
        # "North district" of an estate is no place to begin with.
        begins = street or place[0][-1] != "区"
        return begin + (place.start() if begins else max(start, len(chain) - 20))
    if street:
        # Where no word ends before it, a street is at most four characters, its kind and its part.
        whole = len(chain) - start <= 8
        return begin + (start if whole else max(start, street.start() - 3))
    if goes_on and not number[0].endswith("组") and len(chain) - start >= 3 and _ESTATE.search(chain):
        return begin + max(start, len(chain) - 16)
    return -1
