"""Key-values written without a gap between them: "颜色:红色尺码:XL", "Color:RedSize:XL", "brand#:#X#;#color#:#red"."""

from __future__ import annotations

import re
from itertools import pairwise

_ZH = """颜色分类|颜色|尺码|尺寸|规格|型号|重量|净重|毛重|净含量|品牌|材质|产地|货号|面料|风格|款式|容量|数量|口味|套餐|
    套餐类型|版型|厚薄|袖长|裙长|裤长|领型|图案|季节|适用季节|适用年龄|适用性别|适用对象|适用场景|适用人群|功能|功率|电压|
    电池容量|屏幕尺寸|内存|机身内存|运行内存|存储容量|包装|包装方式|包装清单|保质期|生产日期|生产厂家|生产商|制造商|厂家|
    厂名|厂址|配料|配料表|储藏方法|贮存条件|食品添加剂|成分|成分含量|材料|工艺|形状|类型|种类|类别|分类|商品名称|产品名称|
    商品编号|商品毛重|商品产地|产品型号|上市时间|上市年份|年份|长度|宽度|高度|直径|体积|等级|系列|适用机型|接口类型|价格|
    面值|发行量|发行日期|题材|主题|性别|鞋跟|鞋底材质|鞋面材质|闭合方式|安装方式|质地|香型|度数|省份|城市|地区"""
_EN = """Brand|Brand Name|Color|Colour|Size|Sizes|Weight|Item Weight|Material|Material Type|Style|Model|Model Number|
    Model Name|Item Model Number|Dimensions|Product Dimensions|Package Dimensions|Pattern|Shape|Length|Width|Height|Depth|
    Diameter|Capacity|Volume|Voltage|Wattage|Power|Quantity|Package Quantity|Manufacturer|Country of Origin|Origin|Finish|
    Fabric|Flavor|Flavour|Scent|Type|Category|Feature|Features|Condition|Gender|Age Range|Season|Sleeve|Theme|Warranty|
    Compatibility|Connectivity|Battery|Screen Size|Memory|Storage|Language|Author|Publisher|Format|Department|UPC|ISBN|
    ASIN|SKU|Series|Platform|Ingredients|Care Instructions|Part Number|Number of Items"""


def _any_of(names: str) -> str:
    """Longer names first, so that "颜色分类" is not read as "颜色"."""
    listed = [" ".join(name.split()) for name in names.split("|")]
    return "|".join(sorted(listed, key=lambda name: (-len(name), name)))


_KEY = re.compile(rf"(?:{_any_of(_ZH)}|(?<![A-Z])(?:{_any_of(_EN)}))\s?[:：]")
_SEPARATORS = frozenset(" \t\r\n,，;；。、|/·()（）[]【】<>\"'“”-")
_MAX_CHARS = 5000  # more is prose
_COLON = re.compile("[:：]")


def mended_run_together(text: str) -> tuple[str, str]:
    """`text` with "; " where one pair ends and the next begins, and "run_together"; "kept:run_together" or "" without.

    Certain is a text that begins with a known key and whose colons all follow known keys, or are parts of a value
    (10:30, http://). Others are kept, and marked where known keys do run together.
    """
    if "#:#" in text:
        return text.replace("#;#", "; ").replace("#:#", ": "), "run_together"
    if not _KEY.match(text) or len(text) > _MAX_CHARS:
        return text, ""
    keys = list(_KEY.finditer(text))
    joints = [key.start() for key in keys[1:] if text[key.start() - 1] not in _SEPARATORS]
    if not joints:
        return text, ""
    if any(before.end() >= after.start() for before, after in pairwise(keys)):
        return text, "kept:run_together"
    ends = {key.end() - 1 for key in keys}
    for colon in _COLON.finditer(text):
        at = colon.start()
        if at not in ends and not (text[at + 1 : at + 3] == "//" or (text[at - 1].isdigit() and text[at + 1 : at + 2].isdigit())):
            return text, "kept:run_together"
    parts, position = [], 0
    for joint in joints:
        parts.append(text[position:joint])
        position = joint
    return "; ".join([*parts, text[position:]]), "run_together"
