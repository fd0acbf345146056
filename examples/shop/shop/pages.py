"""Descriptions, feature lists, questions with answers."""

from __future__ import annotations

from .draw import Draw
from .products import Product, shop_lists


def paragraphs(product: Product, draw: Draw) -> list[str]:
    """Return the description as two to four paragraphs: what it is, how it is used, what to mind."""
    stop = "。" if product.language == "zh" else " "
    lead = product.say(draw.choice(product.sections[0].of("D0")), draw)
    body = [product.say(line, draw) for line in _pick(product, "D", draw.between(3, 6), draw)]
    closing = [product.say(line, draw) for line in _pick(product, "D9", draw.between(0, 2), draw)]
    cut = draw.between(1, len(body) - 1)
    groups = [[lead, *body[:cut]], body[cut:], closing]
    if product.language == "zh":
        return [stop.join(group) + stop for group in groups if group]
    return [stop.join(group) for group in groups if group]


def features(product: Product, draw: Draw) -> list[str]:
    """Return the short lines of a product page."""
    return [product.say(line, draw) for line in _pick(product, "F", draw.between(3, 6), draw)]


def _pick(product: Product, tag: str, amount: int, draw: Draw) -> list[str]:
    choices = product.lines(tag)
    found: list[str] = []
    while choices and len(found) < amount:
        line = draw.weighted(choices)
        found.append(line)
        choices = [choice for choice in choices if choice[0] != line]
    return found


def questions(product: Product, amount: int, draw: Draw) -> list[tuple[str, str]]:
    """Return questions about real attributes with answers that agree with them."""
    found = []
    for line in _pick(product, "Q", amount, draw):
        question, answer = line.split(" => ")
        slots = product.slots | shop_lists(product.language, draw)
        text = product.say(question, draw, slots)
        found.append((_asked(text, product.language, draw), product.say(answer, draw, slots)))
    return found


def _asked(text: str, language: str, draw: Draw) -> str:
    if language == "zh":
        text = draw.weighted([("", 10), ("请问", 3), ("你好，", 2), ("想问下，", 2), ("老板，", 1)]) + text
        return text.rstrip("？") if draw.chance(0.15) else text
    text = text if draw.chance(0.8) else text.lower()
    return draw.weighted([("", 10), ("Hi, ", 2), ("Quick question: ", 1), ("Before I order: ", 1)]) + text
