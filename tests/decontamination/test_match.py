"""Planted leaks of one item in one document, and documents that only look like it."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.decontamination.fold import tokenise
from ecomct.decontamination.index import Index, build
from ecomct.decontamination.items import Item, Text, task_item
from ecomct.decontamination.match import HOW, match
from ecomct.decontamination.needles import collect
from ecomct.recipe.decontamination import Decontamination

PAIRS = [
    ("品牌", "春山物语"), ("颜色", "黑色"), ("产地", "福建厦门"), ("材质", "600D牛津布"), ("承重", "100kg"),
    ("重量", "2.4kg"), ("收纳尺寸", "88×15cm"), ("支架", "榉木"), ("座高", "42cm"),
]  # fmt: skip
TITLE = "春山物语 黑色帆布户外折叠椅 榉木 座高42cm"
LONG = (
    "云溪镇位于两条河的交汇处,自古以来就是盐商往来的码头。镇上有三座石桥,其中最老的一座建于明代中叶。"
    "每年秋天,附近的村民会把晒好的柿饼和茶叶运到这里,再换回布匹与铁器。铁路通车以后,码头渐渐冷清,石桥却留了下来。"
)
ENGLISH = (
    "The mill at the lower lock was rebuilt after the flood of 1842, and for forty years it ground the corn of seven parishes. "
    "When the canal closed, the last miller planted apple trees along the empty towpath."
)


def index_of(*records: str, setting: Decontamination | None = None) -> Index:
    items = [task_item(f"t:{number}", {"sentences": text}, False, frozenset()) for number, text in enumerate(records, 1)]
    return build(collect([("t", items)], []), setting or Decontamination())


def found(index: Index, document: str, titles: bool = False) -> list[tuple[str, float]]:
    """How, and the share of which needle, for each needle found in a document that is one field."""
    matches = match(index, [document], np.array([[0, 0, len(document)]]), titles)
    return [(HOW[how], round(float(share), 2)) for how, share in zip(matches.how, matches.share, strict=True)]


ITEM = f"Title: {TITLE}, Attritute: " + "#;#".join(f"{name}#:#{value}" for name, value in PAIRS)


@pytest.mark.parametrize(
    "document",
    [
        "\n".join(f"{name}: {value}" for name, value in PAIRS),
        "; ".join(f"{name}: {value}" for name, value in reversed(PAIRS)),
        "".join(f"{name}是{value}。" for name, value in PAIRS[3:] + PAIRS[:3]),
        "{" + ", ".join(f'"{name}": "{value}"' for name, value in PAIRS) + "}",
        "参数如下\n" + "\n".join(f"【{name}】{value}" for name, value in sorted(PAIRS)) + "\n售后无忧",
    ],
)
def test_key_values_in_any_order_and_form(document: str) -> None:
    assert [how for how, _ in found(index_of(ITEM), document)] in (["overlap"], ["exact"])


@pytest.mark.parametrize(
    ("document", "titles", "how"),
    [
        (TITLE, True, "title"),
        ("春山物语【黑色帆布户外折叠椅】榉木/座高42CM", True, "title"),
        (TITLE, False, "exact"),
        (f"问: 请问 {TITLE} 有货吗\n{TITLE}\n谢谢", False, "exact"),
        (f"买了{TITLE}以后每周都去露营", False, "overlap"),
    ],
)
def test_titles(document: str, titles: bool, how: str) -> None:
    assert found(index_of(ITEM), document, titles)[0][0] == how


@pytest.mark.parametrize(
    "document",
    [
        LONG,
        LONG.replace(",", " ").replace("。", "\n"),
        "前言。" * 400 + LONG + "后记。" * 400,
        "。".join(reversed(LONG.split("。"))),
        LONG[: len(LONG) // 2],
        LONG[len(LONG) // 2 :],
        "很多别的话" * 9 + LONG[20 : 20 + len(LONG) // 2],
    ],
)
def test_long_text_whole_reformatted_inside_and_by_half(document: str) -> None:
    [(how, share)] = found(index_of(LONG), document)
    assert how in ("exact", "overlap")
    assert share >= 0.4


@pytest.mark.parametrize("document", [ENGLISH.upper(), ENGLISH.replace(",", " -"), f"It is said: {ENGLISH[:150]} and so on."])
def test_english(document: str) -> None:
    assert [how for how, _ in found(index_of(ENGLISH), document)] in (["overlap"], ["exact"])


@pytest.mark.parametrize(
    "document",
    [
        "春山物语 黑色帆布户外折叠椅 竹制 座高35cm",  # another model
        "\n".join(f"{name}: {value}" for name, value in PAIRS[:5]),  # a sibling shares half its key-values
        "颜色: 黑色\n产地: 福建厦门",
        "品牌",
        LONG[:30] + "别的故事从这里开始,谁也没有再提起那座桥。" * 3,
        "每年秋天,附近的村民都来看戏。镇上有三座石桥。",
        "The canal closed for the winter and the miller planted nothing at all.",
        "",
        "\x00",
    ],
)
def test_what_only_looks_like_an_item(document: str) -> None:
    assert found(index_of(ITEM, LONG, ENGLISH), document, titles=True) == []


@pytest.mark.parametrize("text", ["很好", "good quality", "12345678 90 11 12 13", "2020-10-11", "A", "..."])
def test_what_is_too_little_to_be_evidence(text: str) -> None:
    assert found(index_of(text), text) == []


def test_a_short_text_is_not_made_up_of_halves_from_different_places() -> None:
    text = "城里的人在夏天修好了那座很长的旧石桥和水渠"
    assert [how for how, _ in found(index_of(text), f"听说{text}了")] == ["overlap"]
    assert found(index_of(text), f"{text[:14]}一半在这里,{text[9:]}另一半在那里") == []


def test_short_answers_are_names_and_long_ones_are_text() -> None:
    def answer(text: str) -> Index:
        return build(collect([("t", [Item("t:1", [Text(text, "answer")], [])])], []), Decontamination())

    assert found(answer("国立云溪大学附属医院"), "国立云溪大学附属医院") == []
    assert found(answer(LONG), f"他写道:{LONG}")[0][0] == "overlap"


def test_a_part_of_a_long_item_is_found_and_a_name_that_it_repeats_is_not() -> None:
    item = "云溪镇石桥保护协会说,明天开会。" * 3 + LONG * 2
    sentence = "铁路通车以后,码头渐渐冷清,石桥却留了下来,附近的村民都这么说过。"
    index = index_of(item + sentence)
    assert [how for how, _ in found(index, sentence.replace("。", "!"))] in (["overlap"], ["exact"])
    assert found(index, "云溪镇石桥保护协会") == []


def test_labels_of_many_items_are_no_evidence() -> None:
    records = [{"sentences": f"{number} 号商品的描述各不相同 {number}", "spans": []} for number in range(40)]
    items = [task_item("t:1", record, False, frozenset()) for record in records]
    items = [item._replace(texts=[*item.texts, Text("新闻与娱乐频道", "text")]) for item in items]
    assert found(build(collect([("t", items)], []), Decontamination()), "新闻与娱乐频道") == []


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(40, 200), st.integers(0, 30))
def test_a_planted_stretch_is_found_where_it_is_long_enough(seed: int, size: int, margin: int) -> None:
    """Random Chinese: a stretch of the item over the share and `enough` is found at any place, and its share is right."""
    rng = random.Random(seed)

    def draw(count: int) -> str:
        return "".join(chr(rng.randrange(0x4E00, 0x9F00)) for _ in range(count))

    item, length = draw(size), rng.randrange(1, size + 1)
    start = rng.randrange(size - length + 1)
    # A token that is none, or is another's variant, would be counted otherwise than as a character.
    document = draw(margin) + item[start : start + length] + draw(margin)
    setting = Decontamination()
    index = index_of(item, setting=setting)
    needed = max(setting.enough["zh"], -(-size * 4 // 10))
    if length >= needed + 2:
        assert found(index, document)
    elif length < needed - 2 and margin > 20:
        assert not found(index, document)


@settings(deadline=None)
@given(st.lists(st.text("ab 棉的。\n", max_size=30), max_size=6), st.lists(st.text("ab 棉的。\n", max_size=30), max_size=6))
def test_equal_texts_are_found_as_a_plain_comparison_finds_them(items: list[str], documents: list[str]) -> None:
    setting = Decontamination(least={"zh": 2, "en": 2})
    index = index_of(*items, setting=setting)

    def plain(text: str) -> str:
        return "".join(character for character in text if character.isalnum())

    def size(text: str) -> int:
        return len(tokenise([text]).value)

    sought = {plain(item) for item in items if size(item) >= 2}
    matches = match(index, documents, np.zeros((0, 3), np.int64), False)
    exact = {
        document for document, how in zip(matches.document.tolist(), matches.how.tolist(), strict=True) if HOW[how] == "exact"
    }
    for number, document in enumerate(documents):
        pieces = [document, *document.split("\n"), *document.replace("。", "\n").split("\n")]
        assert (number in exact) == any(plain(piece) in sought for piece in pieces if plain(piece))


def test_batches_make_no_difference() -> None:
    index = index_of(ITEM, LONG, ENGLISH, setting=None)
    documents = [LONG, "x", ENGLISH, TITLE, "", LONG[:60] * 3, "\n".join(f"{n}: {v}" for n, v in PAIRS)] * 3
    fields = np.array([[number, 0, len(text)] for number, text in enumerate(documents)])
    together = match(index, documents, fields, False)
    alone = []
    for number, text in enumerate(documents):
        one = match(index, [text], np.array([[0, 0, len(text)]]), False)
        alone += [(number, *rest) for rest in zip(*(column.tolist() for column in one[1:]), strict=True)]
    assert sorted(zip(*(column.tolist() for column in together), strict=True)) == sorted(alone)
    assert all(start < end for start, end in zip(together.start, together.end, strict=True))


def test_an_index_on_disk_is_the_same(tmp_path_factory: pytest.TempPathFactory) -> None:
    index, folder = index_of(ITEM, LONG, ENGLISH), tmp_path_factory.mktemp("index")
    index.save(folder)
    other = Index.load(folder)
    for document in (LONG[:70], TITLE, ENGLISH):
        assert found(index, document) == found(other, document) != []
    assert all(one <= other for one, other in pairwise(index.entry.tolist()))
