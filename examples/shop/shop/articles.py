"""Buying guides, comparisons and seasonal lists that name two to five products."""

from __future__ import annotations

from collections.abc import Sequence

from .draw import Draw
from .grammar import english, expand, possible
from .notation import Section, decide
from .products import Product, read_once, shop_lists
from .reviews import opinion

_NUMBERS = {"zh": ["", "一", "两", "三", "四", "五"], "en": ["", "One", "Two", "Three", "Four", "Five"]}
_ORDER = ["", "一", "二", "三", "四", "五"]
_ALIKE = frozenset(["产地", "颜色", "包装", "适用", "Color"])  # say little about which of two products is meant
_PLAIN = {"zh": ("品牌", "型号"), "en": ("Brand", "Model")}


def write(products: Sequence[Product], draw: Draw) -> tuple[str, str, list[str]]:
    """Return title, text and the keys of the products it names, which come from one category."""
    first = draw.choice(products)
    kind = [product for product in products if product.kind == first.kind and product.category == first.category]
    near = [product for product in products if product.category == first.category]
    chosen = draw.sample(kind if len(kind) > 1 and draw.chance(0.5) else near, draw.between(2, 5))
    language = first.language
    guide = next(section for section in read_once(f"{language}/common.txt") if section.name in ("文章", "guides"))
    slots = _theme(chosen, guide, draw)
    title = _say(guide, "H", slots, language, draw)
    opening = _say(guide, "I", slots, language, draw)
    said: set[str] = set()  # patterns, so that no sentence comes twice in one article
    parts = [opening, *_advice(chosen, draw.between(1, 2), said, draw)]
    for place, product in enumerate(chosen, 1):
        parts.append(_say(guide, "P", slots | _facts(product, place, guide, said, draw), language, draw))
    parts.append(_say(guide, "C", slots, language, draw))
    return title, "\n".join(parts), [product.key for product in chosen]


def _theme(chosen: Sequence[Product], guide: Section, draw: Draw) -> dict[str, str]:
    language = chosen[0].language
    highest = max(_amount(product) for product in chosen)
    mark = "$" if language == "en" else ""
    step = 50 if language == "zh" else 25
    slots = {
        "n": _NUMBERS[language][len(chosen)],
        "cat": chosen[0].category,
        "low": _price(min(chosen, key=_amount)),
        "high": _price(max(chosen, key=_amount)),
        "budget": f"{mark}{(int(highest) // step + 1) * step}",
        "pick": short(draw.choice(chosen)),
        **decide([guide], draw),
    }
    if len({product.kind for product in chosen}) == 1:
        slots["k"] = chosen[0].kind
    return slots


def _facts(product: Product, place: int, guide: Section, said: set[str], draw: Draw) -> dict[str, str]:
    names = [name for name in product.attributes if name not in _PLAIN[product.language]]
    picked = sorted(draw.sample(names, draw.between(2, 4)), key=names.index)
    if product.language == "zh":
        facts = "，".join(f"{name}{draw.choice(['', '是', '：'])}{product.attributes[name]}" for name in picked)
    else:
        facts = english(", ".join(f"{name.lower()} {product.attributes[name]}" for name in picked))
    sign = draw.choice("++-")
    quote = opinion(product, sign, draw)
    blame = ("差评", "unhappy", "Its faults", "缺点")
    lines = [line for line in guide.of("L") if "{quote}" not in line or any(word in line for word in blame) == (sign == "-")]
    advice = [line for line, weight in product.lines("G") if weight > 3 and line not in said]
    lines = [line for line in lines if "{quote}" in line or line not in said] or lines
    line = draw.choice(advice) if advice and draw.chance(0.35) else draw.choice(lines)
    said.add(line)
    text = product.say(line, draw, product.slots | {"quote": quote})
    order = _ORDER[place] if product.language == "zh" else str(place)
    stop = "" if product.language == "zh" or text[-1] in '.!?"' else "."
    price = _price(product)
    return {"i": order, "full": short(product), "facts": facts, "line": text + stop, "价": price, "price": price}


def _advice(chosen: Sequence[Product], amount: int, said: set[str], draw: Draw) -> list[str]:
    product = draw.choice(chosen)
    stop = "。" if product.language == "zh" else "."
    lines = draw.sample([line for line, _ in product.lines("G")], amount)
    said.update(lines)
    return [product.say(line, draw) + stop for line in lines]


def _say(guide: Section, tag: str, slots: dict[str, str], language: str, draw: Draw) -> str:
    slots = shop_lists(language, draw) | slots
    pattern = draw.choice([line for line in guide.of(tag) if possible(line, slots)])
    text = expand(pattern, slots, draw)[0]
    return english(text) if language == "en" else text.replace("。。", "。").replace('。"。', '。"')


def _price(product: Product) -> str:
    return product.slots.get("价") or product.slots["price"]


def _amount(product: Product) -> float:
    return float(_price(product).lstrip("$"))


def short(product: Product) -> str:
    """Return how people call a product: brand and kind, and the first attribute that tells it apart."""
    brand = product.attributes[_PLAIN[product.language][0]]
    own = [key for fact in product.sections[0].facts for key in fact.keys]
    mark = product.attributes[next(key for key in own if key not in _ALIKE)]
    return f"{brand}{product.kind}（{mark}）" if product.language == "zh" else f"{brand} {product.kind} ({mark})"
