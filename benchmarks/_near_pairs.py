"""Labelled pairs of rows, built at run time from the real data: which say the same, and which only look like it.

Nothing of the data is kept here. What repeats is typed anew by rule, what differs is found by rule or made by exchanging
a number, colour or size; pairs that were found in the data and judged by reading are in `near_duplicates_judged.tsv`.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson
from rapidfuzz import fuzz

from ecomct.documents.clean import clean_value
from ecomct.documents.linearise import linearise
from ecomct.documents.refine import Refine
from ecomct.duplicates.fields import Row
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Kind, Source
from ecomct.rules.rule import PROFILES, RULES

HERE = Path(__file__).parent
T = TypeVar("T")
_COLORS_ZH, _COLORS_EN = "红色 蓝色 绿色 黑色 白色 黄色 紫色 灰色", "red blue green black white yellow purple grey"
_NEGATED = [
    ("很好", "不好"),
    ("喜欢", "不喜欢"),
    ("满意", "不满意"),
    ("会再", "不会再"),
    (" is ", " is not "),
    (" does ", " doesn't "),
]
_NEGATED += [(" can ", " cannot "), (" works ", " never works "), (" with ", " without ")]
_MERCHANT = ("【本店正品保证,七天退换】", "更多优惠请关注本店", " Sold by the flagship store.", " Ships from our own warehouse.")
_FOOTERS = ("\n\n本文更新于2021年3月4日。", "\n\nLast updated on 4 March 2021 by the editors.")
# Written for this file.
_TRANSLATIONS = """颜色: 红色|Color: red
材质: 纯棉|Material: pure cotton
产地: 中国|Origin: China
容量: 500ml|Capacity: 500ml
质量很好,物流很快|Good quality and fast delivery
这款水壶保温效果很好,一整天都是热的|This kettle keeps warm very well, hot for a whole day
红色陶瓷茶壶 800ml|Red ceramic teapot 800ml
不锈钢保温杯 500ml 黑色|Stainless steel vacuum flask 500ml black
尺码偏小,建议买大一号|Runs small, I suggest one size up
适用于所有蓝牙设备|Works with all Bluetooth devices
无线降噪耳机 WH-1000XM5|WH-1000XM5 wireless noise cancelling headphones
电池续航时间约30小时|Battery life about 30 hours
请问可以机洗吗?可以的。|Can it be machine washed? Yes, it can.
一年质保,七天退换|One year warranty, seven days return
充电一小时可以用两天|An hour of charging lasts for two days
儿童书包 小学生 防水|Waterproof school bag for pupils"""


class Pair(NamedTuple):
    """Two rows, whether they say the same, and what kind of pair they are."""

    category: str
    same: bool
    first: Row
    second: Row


def row(kind: Kind, text: str) -> Row:
    """A row whose whole text is one field."""
    return Row(kind, text, [(0, len(text))], 0)


def build(shared: Path, recipe: Recipe, seed: int) -> list[Pair]:
    """All pairs, in the same order for the same data and seed."""
    return list(_pairs(_Data(shared / "data", recipe, random.Random(seed))))


class _Data:
    """Rows of the data, shuffled by seed, and draws."""

    def __init__(self, folder: Path, recipe: Recipe, draw: random.Random) -> None:
        self.folder, self.recipe, self.draw = folder, recipe, draw

    def records(self, path: str) -> list[dict[str, Any]]:
        """Records of a file in its order."""
        return [orjson.loads(line) for line in _lines(self.folder / path)]

    def texts(self, path: str, field: str, least: int = 1, most: int = 10_000, long: bool = False) -> list[str]:
        """Cleaned different texts of `least` to `most` characters, shuffled."""
        found = (clean_value(str(record.get(field) or ""), long) for record in self.records(path))
        texts = list(dict.fromkeys(text for text in found if least <= len(text) <= most))
        self.draw.shuffle(texts)
        return texts

    def documents(self, source: str, path: str, permute: bool = False) -> Iterator[tuple[Row, Row]]:
        """Each record of a source twice, as two draws write it."""
        settings = self.recipe.sources[source]
        for number, record in enumerate(self.records(path)):
            yield _document(record, settings, 2 * number), _document(record, settings, 2 * number + 1, permute)


# Both writings of a row go through the same cleaning; no rule may take one of them out.
_UNTOUCHED = Cleaning(profiles={name: dict.fromkeys(RULES) for name in PROFILES})


def _document(record: dict[str, Any], source: Source, draw: int, permute: bool = False) -> Row:
    made = linearise(record, source, Refine(_UNTOUCHED, source.language, {}), draw, permute)
    return Row(source.kind, made.text, [(span.start, span.end) for span in made.spans], made.title_chars)


def _pairs(data: _Data) -> Iterator[Pair]:
    reviews = data.texts("catalogue/zh_reviews_10_categories.jsonl.gz", "review", 8, 200)
    english = data.texts("catalogue/en_amazon_pqa/reviews.jsonl", "text", 25, 300)
    bullets = data.texts("catalogue/en_amazon_pqa/bullets.jsonl", "text", 25, 300)
    tmall = data.texts("catalogue/zh_tmall_titles.jsonl", "title")
    amazon = data.texts("catalogue/en_amazon_pqa/products.jsonl", "title")
    written: list[tuple[Kind, list[str]]] = [("review", reviews), ("review", english), ("description", bullets)]
    every = [*written, ("title", tmall), ("title", amazon)]
    yield from _typed_anew(data.draw, every, written)
    yield from _key_values(data)
    yield from _long(data)
    yield from _variants(data.draw, every)
    yield from _titles(data, tmall, amazon)
    yield from _look_alikes(data, reviews)
    for line in _TRANSLATIONS.splitlines():
        yield Pair("translation", False, *(row("review", text) for text in line.split("|")))
    yield from judged(data.recipe)


def _typed_anew(
    draw: random.Random, every: list[tuple[Kind, list[str]]], written: list[tuple[Kind, list[str]]]
) -> Iterator[Pair]:
    """The same text with other signs, width, case, markup, an emoji, a merchant's line, or cut off."""
    ways: dict[str, Callable[[str], str]] = {
        "spacing, punctuation": lambda text: (
            re.sub(r"[,，。;；:：!！]\s*(?!\d)", lambda _: draw.choice(" ,。!"), text).rstrip(" ,。!") + "。"
        ),
        "full width, case": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text.upper()),
        "entities, markup": lambda text: f"<p>{text.replace('&', '&amp;amp;').replace(' ', '&nbsp;', 1)}<br/></p>",
        "emoji, exclamation": lambda text: text + draw.choice(["😀", "!!!", " 👍👍", "~~"]),
    }
    for category, way in ways.items():
        for kind, texts in every:
            for text in texts[:30]:
                yield Pair(category, True, row(kind, text), row(kind, clean_value(way(text))))
    for kind, texts in written:
        for text in [one for one in texts[100:] if len(one) >= 60][:40]:
            line = draw.choice([one for one in _MERCHANT if one.isascii() == text.isascii()] or _MERCHANT[2:])
            if len(line.encode()) <= 0.25 * len(text.encode()):
                yield Pair("merchant's line", True, row(kind, text), row(kind, text + line))
        for text in [one for one in texts[100:] if len(one) >= 40][-40:] if kind == "review" else []:
            yield Pair("cut off", True, row(kind, text), row(kind, text[: int(len(text) * draw.uniform(0.8, 0.95))] + "..."))


def _key_values(data: _Data) -> Iterator[Pair]:
    """One product's key-values written in two ways; those of two products that differ in a value."""
    for first, second in islice(data.documents("travel_facts", "catalogue/zh_travel/entities.jsonl", permute=True), 120):
        yield Pair("key-values rewritten", True, first, second)
    coins = [record for record in data.records("catalogue/zh_cncoin/attributes.jsonl") if record["material"]]
    coins.sort(key=lambda record: [str(record[name]) for name in ("theme", "material", "year", "weight")])
    source = data.recipe.sources["coin_attributes"]
    names = ("year", "material", "weight", "theme")
    for number, (one, two) in enumerate(pairwise(coins)):
        if sum(one[name] != two[name] for name in names) == 1:
            yield Pair("key-values, one differs", False, _document(one, source, 0), _document(two, source, number % 2 * 4))
    facts = [first for first, _ in data.documents("travel_facts", "catalogue/zh_travel/entities.jsonl")]
    for first, second in list(pairwise(facts))[:100]:
        yield Pair("key-values of two products", False, first, second)


def _long(data: _Data) -> Iterator[Pair]:
    """Long texts with another date, number or footer."""
    wiki = data.texts("general/zh_wikipedia.jsonl.gz", "content", 400, 3000, long=True)[:50]
    news = data.texts("general/en_bbc.jsonl.gz", "content", 800, 4000, long=True)[:50]
    for text in [*wiki, *news]:
        changed = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=3)
        yield Pair("long, date or footer", True, row("web", text), row("web", changed + data.draw.choice(_FOOTERS)))


def _variants(draw: random.Random, every: list[tuple[Kind, list[str]]]) -> Iterator[Pair]:
    """The same words with another number, colour or size, or with a "not"."""
    for kind, texts in every:
        numbers = [text for text in texts[200:] if re.search(r"\d", text) and len(text) < 160][:50]
        for text in numbers:
            changed = re.sub(r"\d+", lambda number: str(int(number[0]) + draw.randint(1, 9)), text, count=1)
            yield Pair("another number", False, row(kind, text), row(kind, changed))
        for colors in (_COLORS_ZH.split(), _COLORS_EN.split()):
            found = [(text, color) for text in texts[200:] for color in colors if re.search(rf"(?<![a-z]){color}(?![a-z])", text)]
            for text, color in found[:12]:
                other = draw.choice([one for one in colors if one != color])
                yield Pair("another colour", False, row(kind, text), row(kind, text.replace(color, other)))
        sizes = [text for text in texts[200:] if re.search(r"大|small|large", text) and len(text) < 80][:12]
        for text in sizes:
            changed = text.replace("大", "小").replace("small", "huge").replace("large", "small")
            yield Pair("another size", False, row(kind, text), row(kind, changed))
        if kind != "title":
            negated = [(text, said) for text in texts[200:] for said in _NEGATED if said[0] in text and said[1] not in text]
            for text, (before, after) in negated[:40]:
                yield Pair("negated", False, row(kind, text), row(kind, text.replace(before, after, 1)))


def _titles(data: _Data, tmall: list[str], amazon: list[str]) -> Iterator[Pair]:
    """Titles of different products that are most alike; distinct means another letter or digit."""
    cards = data.texts("catalogue/en_giftcards/products.jsonl", "title")
    for texts, most in ((tmall, 300), (amazon, 60), (cards, 60)):
        alike = []
        for order in (sorted(texts), sorted(texts, key=lambda text: text[::-1])):
            alike += [pair for pair in pairwise(order) if fuzz.ratio(*pair) >= 80 and len({_letters(text) for text in pair}) == 2]
        data.draw.shuffle(alike)
        for first, second in list(dict.fromkeys(alike))[:most]:
            yield Pair("near-equal titles", False, row("title", first), row("title", second))


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _look_alikes(data: _Data, reviews: list[str]) -> Iterator[Pair]:
    """One template with different values, one answer to different questions, a phrase that two reviews share."""
    wiki = data.recipe.sources["wiki_zh"]
    pages = [r for r in data.records("general/zh_wikipedia.jsonl.gz") if 40 <= len(r["content"]) <= 400 and r["title"]]
    for one, two in _neighbours(pages, lambda page: page["content"][-24:], 150, data.draw):
        yield Pair("one template", False, _document(one, wiki, 0), _document(two, wiki, 0))
    asked = [r for r in data.records("catalogue/zh_cncoin/qa.jsonl") if len(r["content"] or "") > 5 and r["replyContent"]]
    source = data.recipe.sources["coin_qa"]
    for one, two in _neighbours(asked, lambda record: record["replyContent"], 150, data.draw):
        if fuzz.ratio(one["content"], two["content"]) < 50:
            yield Pair("one answer", False, _document(one, source, 0), _document(two, source, 0))
    long = [text for text in reviews if len(text) >= 14]
    shared = _neighbours(long, lambda text: text[:7], 150, data.draw) + _neighbours(long, lambda text: text[-7:], 150, data.draw)
    for first, second in shared:
        if fuzz.ratio(first, second) < 60:
            yield Pair("a phrase in common", False, row("review", first), row("review", second))


def _neighbours(items: list[T], key: Callable[[T], str], most: int, draw: random.Random) -> list[tuple[T, T]]:
    """Pairs with an equal key, `most` of them."""
    ordered = sorted(items, key=key)
    pairs = [(one, two) for one, two in zip(ordered[::2], ordered[1::2], strict=False) if key(one) == key(two) and one != two]
    draw.shuffle(pairs)
    return pairs[:most]


def judged(recipe: Recipe) -> Iterator[Pair]:
    """The pairs that were judged by reading."""
    lines: dict[Path, list[bytes]] = {}
    for line in (HERE / "near_duplicates_judged.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, place, other, other_place, verdict = line.split("\t")
        first, second = _at(recipe, name, place, lines), _at(recipe, other, other_place, lines)
        yield Pair("found and judged", verdict == "same", first, second)


def _at(recipe: Recipe, name: str, place: str, lines: dict[Path, list[bytes]]) -> Row:
    source = recipe.sources[name]
    file, _, number = place.rpartition(":")
    paths = [source.path] if isinstance(source.path, str) else source.path
    [path] = [found for given in paths for found in _files(given) if found.name == file]
    if path not in lines:
        lines[path] = _lines(path)
    return _document(orjson.loads(lines[path][int(number) - 1]), source, 0)


def _lines(path: Path) -> list[bytes]:
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).splitlines()


def _files(pattern: str) -> Iterable[Path]:
    path = Path(pattern)
    return sorted(path.parent.glob(path.name))
