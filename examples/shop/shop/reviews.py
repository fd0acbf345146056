"""Reviews: an opinion on one aspect a sentence, no aspect twice, praise and blame by rating."""

from __future__ import annotations

from .draw import Draw
from .products import Product, shop_lists

RATINGS = [(5, 52), (4, 18), (3, 12), (2, 8), (1, 10)]
# How Chinese reviews are strung together: what stands between two sentences and at the end.
_CHINESE = [
    (("。", "。"), 8),
    (("，", ""), 4),
    (("，", "。"), 3),
    ((" ", ""), 2),
    (("！", "！"), 2),
    (("；", "。"), 1),
    (("\n", ""), 1),
]
SHORT = 0.16  # share of one-line reviews


def rating(draw: Draw) -> int:
    """Draw a number of stars."""
    return draw.weighted(RATINGS)


def mood(stars: int) -> str:
    """Return the tag of a rating: + good, ~ middling, - bad."""
    return "+" if stars > 3 else "~" if stars == 3 else "-"


def write(product: Product, stars: int, draw: Draw) -> str:
    """Write one review."""
    slots = product.slots | shop_lists(product.language, draw)
    if draw.chance(SHORT):
        return _ending(product.say(draw.weighted(product.lines(f"S{mood(stars)}")), draw, slots), product.language, draw)
    praise, blame = _amounts(stars, draw)
    good = _opinions(product, "+", praise, set(), slots, draw)
    bad = _opinions(product, "-", blame, {aspect for aspect, _ in good}, slots, draw)
    parts = [product.say(draw.weighted(product.lines("*")), draw, slots)] if draw.chance(0.45) else []
    parts += [text for _, text in good]
    if good and bad:
        turn = product.say(draw.weighted(product.lines("B")), draw, slots)
        parts.append(_turn(turn, bad[0][1], product))
        bad = bad[1:]
    parts += [text for _, text in bad]
    if draw.chance(0.45):
        parts.append(product.say(draw.weighted(product.lines(f"E{mood(stars)}")), draw, slots))
    return _join(parts, product.language, draw)


def opinion(product: Product, sign: str, draw: Draw) -> str:
    """Write one sentence about the product itself, to be quoted by an article."""
    slots = product.slots | shop_lists(product.language, draw)
    own = [line for tag in product.sections[0].lines if tag.startswith(sign) for line in product.lines(tag)]
    return product.say(draw.weighted(own or product.lines(f"S{sign}")), draw, slots)


def headline(product: Product, stars: int, draw: Draw) -> str:
    """Write the title line of a review."""
    return product.say(draw.weighted(product.lines(f"t{mood(stars)}")), draw, product.slots | shop_lists(product.language, draw))


def _amounts(stars: int, draw: Draw) -> tuple[int, int]:
    if stars == 5:
        return draw.between(1, 4), 0
    if stars == 4:
        return draw.between(1, 3), int(draw.chance(0.6))
    if stars == 3:
        return draw.between(1, 2), draw.between(1, 2)
    return int(draw.chance(0.3)), draw.between(1, 3)


def _opinions(
    product: Product, sign: str, amount: int, used: set[str], slots: dict[str, str], draw: Draw
) -> list[tuple[str, str]]:
    """Return (aspect, sentence) pairs of different aspects; a product's own aspects come up most."""
    found: list[tuple[str, str]] = []
    choices = [
        ((tag[1:], line), weight) for tag in product.tags(sign) for line, weight in product.lines(tag) if tag[1:] not in used
    ]
    while choices and len(found) < amount:
        aspect, line = draw.weighted(choices)
        found.append((aspect, product.say(line, draw, slots)))
        choices = [choice for choice in choices if choice[0][0] != aspect]
    return found


def _turn(turn: str, sentence: str, product: Product) -> str:
    if product.language == "zh":
        return turn + sentence
    first = sentence.split(" ", 1)[0]
    keep = first != first.lower() and (first[1:] != first[1:].lower() or first == "I" or first in product.slots["Brand"])
    return f"{turn} {sentence if keep or turn.endswith(':') else sentence[:1].lower() + sentence[1:]}"


def _ending(text: str, language: str, draw: Draw) -> str:
    if language == "zh":
        return text + draw.choice(["", "", "。", "！", "~"])
    return text if text[-1] in ".!?" else text + draw.choice(["", ".", ".", "!"])


def _join(parts: list[str], language: str, draw: Draw) -> str:
    """Join sentences the way different people type: full stops, commas, blanks, exclamation marks."""
    if language == "zh":
        between, last = draw.weighted(_CHINESE)
        text = parts[0]
        for part in parts[1:]:
            text += part if text[-1] in "，：。" else between + part
        return text if text[-1] in "。！" else text + last
    text = " ".join(part if part[-1] in ".!?:," else part + "." for part in parts)
    style = draw.weighted([("plain", 14), ("lower", 2), ("shout", 2), ("open", 2)])
    if style == "lower":
        return text.lower().rstrip(".")
    if style == "shout":
        return text[:-1] + "!!" if text[-1] in ".!" else text
    return text.rstrip(".") if style == "open" else text
