"""Products: attributes drawn first, then everything else is written from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .draw import Draw
from .grammar import english, expand, possible
from .notation import Section, decide, facts_of, read

CATEGORIES = {
    "zh": ["tea", "cups", "kitchen", "appliances", "digital", "outdoor", "stationery", "bedding", "storage", "pets"],
    "en": ["pantry", "drinkware", "cookware", "appliances", "tech", "camp", "desk", "linen", "storage", "garden"],
}
_WEIGHTS = (5, 3, 1)  # own kind, category, whole shop


@dataclass(frozen=True)
class Product:
    """One article of a shop with the vocabulary that fits it."""

    key: str
    language: str
    category: str
    kind: str
    title: str
    attributes: dict[str, str]
    slots: dict[str, str]
    sections: tuple[Section, Section, Section]

    def lines(self, tag: str) -> list[tuple[str, int]]:
        """Return the patterns of a tag that this product's slots can fill, each with its weight."""
        return [
            (pattern, weight)
            for section, weight in zip(self.sections, _WEIGHTS, strict=True)
            for pattern in section.of(tag)
            if possible(pattern.split(" => ")[0], self.slots) and possible(pattern.split(" => ")[-1], self.slots)
        ]

    def tags(self, first: str) -> list[str]:
        """Return the tags that begin with this character, in the order of the files."""
        found = [tag for section in self.sections for tag in section.lines if tag.startswith(first) and len(tag) > 1]
        return list(dict.fromkeys(found))

    def say(self, pattern: str, draw: Draw, slots: dict[str, str] | None = None) -> str:
        """Write a pattern out with this product's slots (or `slots`, which contain them)."""
        text = expand(pattern, slots or self.slots, draw)[0]
        return english(text) if self.language == "en" else text


def shop_lists(language: str, draw: Draw) -> dict[str, str]:
    """Draw a value of each shop-wide list (who a present is for, which courier, ...) for one text."""
    return decide(read_once(f"{language}/common.txt")[:1], draw)


_READ: dict[str, list[Section]] = {}


def read_once(name: str) -> list[Section]:
    """Read a vocabulary file, once a process."""
    if name not in _READ:
        _READ[name] = read(name)
    return _READ[name]


def build(language: str, brands: Sequence[str], keys: Sequence[str], prefix: str, draw: Draw) -> list[Product]:
    """Build one product a key, spread evenly over categories and kinds, with titles that differ."""
    common = read_once(f"{language}/common.txt")[0]
    kinds = [
        (shared, kind) for name in CATEGORIES[language] for shared, *own in [read_once(f"{language}/{name}.txt")] for kind in own
    ]
    products: list[Product] = []
    titles: set[str] = set()
    for number, key in enumerate(keys):
        shared, kind = kinds[number % len(kinds)]
        product = _product(language, key, (kind, shared, common), brands, f"{prefix}-{1000 + 7 * number}", draw)
        while product.title in titles:
            product = _product(language, key, (kind, shared, common), brands, f"{prefix}-{1000 + 7 * number}", draw)
        titles.add(product.title)
        products.append(product)
    return products


def _product(
    language: str, key: str, sections: tuple[Section, Section, Section], brands: Sequence[str], model: str, draw: Draw
) -> Product:
    kind, shared, _ = sections
    chinese = language == "zh"
    attributes = {("品牌" if chinese else "Brand"): draw.choice(brands), ("型号" if chinese else "Model"): model}
    attributes |= decide([shared, kind], draw)
    category = shared.head
    low, high = (int(part) for part in kind.head.split("-"))
    whole = draw.between(low, high)
    if chinese:
        price = f"{whole}" if draw.chance(0.6) else f"{whole - 1}.{draw.choice(['9', '8', '5'])}"
        slots = {**attributes, "k": kind.name, "价": price}
    else:
        price = f"${whole - 1}.{draw.choice(['99', '95', '50'])}"
        slots = {**attributes, "k": kind.name, "price": price}
    pattern = draw.choice(kind.of("T"))
    title = " ".join(expand(pattern, slots, draw)[0].split())
    # Shop-wide lists take part in every text, so a pattern that names one is possible for every product.
    slots |= {name: values[0][0] for fact in facts_of([sections[2]]) for name, values in [(fact.keys[0], fact.values)]}
    return Product(key, language, category, kind.name, title, attributes, slots, sections)
