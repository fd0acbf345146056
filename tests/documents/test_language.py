"""Language by script, the two forms of Chinese, and the identifier where script says nothing."""

from __future__ import annotations

import doctest
import gzip
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.documents import language
from ecomct.documents.clean import clean_value
from ecomct.documents.language import LONG_TEXT, SURE, count_letters, foreign, label, script_language

SPANISH = "la tetera llegó rota y el vendedor no quiso devolverme el dinero, así que no la recomiendo para nada"
FRENCH = "très bon produit, la livraison a été rapide et le vendeur répond aux questions, je recommande vivement"
GERMAN = "Die Lampe ist sehr hell und lässt sich gut einstellen, nur das Kabel könnte ein bisschen länger sein."
PORTUGUESE = "a mochila é muito bonita e chegou antes do prazo, mas o zíper quebrou depois de duas semanas de uso"
ITALIAN = "il prodotto è arrivato in anticipo ed è esattamente come descritto, lo consiglio a tutti senza dubbi"
DUTCH = "de waterkoker werkt goed maar maakt veel lawaai, verder ben ik er heel tevreden mee voor deze prijs"
POLISH = "bardzo dobry czajnik, szybko gotuje wodę i ładnie wygląda, polecam wszystkim, którzy lubią herbatę"
VIETNAMESE = "sản phẩm rất tốt, giao hàng nhanh, đóng gói cẩn thận, tôi sẽ ủng hộ cửa hàng thêm nhiều lần nữa"
LONG_LATIN = {
    "es": SPANISH,
    "fr": FRENCH,
    "de": GERMAN,
    "pt": PORTUGUESE,
    "it": ITALIAN,
    "nl": DUTCH,
    "pl": POLISH,
    "vi": VIETNAMESE,
}


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(language).failed == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # Three characters are enough.
        ("台灯架", "zh-Hans"),
        ("檯燈架", "zh-Hant"),
        ("马克杯", "zh-Hans"),
        ("馬克杯", "zh-Hant"),
        ("北京大", "zh"),
        ("米", "zh"),
        # Characters of both forms tell nothing: the first is the queen of both and the second's "after" in one.
        ("皇后", "zh"),
        ("后面", "zh"),
        ("这個", "zh"),
        # Names of brands and models do not make a Chinese title another.
        ("索尼 WH-1000XM5 无线降噪耳机", "zh-Hans"),
        ("Kindle Paperwhite 电子书阅读器", "zh-Hans"),
        ("鲜の味 牛肉干", "zh-Hans"),
        ("电阻 10kΩ 5μF", "zh-Hans"),
        # Other scripts.
        ("すみっコぐらし", "ja"),
        ("お茶", "ja"),
        ("東京のお土産、クッキー", "ja"),
        ("삼성 갤럭시 S21 Ultra 5G", "ko"),
        ("韩国 옷", "zh-Hans"),
        ("Чайник", "ru"),
        ("καλό προϊόν", "el"),
        ("กาน้ำชา", "th"),
        ("ابريق شاي", "ar"),
        ("קומקום תה", "he"),
        ("चायदानी", "hi"),
        # English in doubt.
        ("Tee", "en"),
        ("BOSCH GSR 12V-15 FC", "en"),
        ("10 kΩ ±5%", "en"),
        ("café crème", "en"),
        # No letters.
        ("", "und"),
        ("1234567890", "und"),
        ("。。。!!!", "und"),
        ("👍👍", "und"),
        # A real share of both.
        ("酒店的服务非常好,房间也很干净,下次还会来。 The staff were friendly and the room was clean.", "mixed"),
        ("女士连衣裙夏季新款 Women Summer Floral Dress Long Sleeve", "mixed"),
    ],
)
def test_label_of_short_text(text: str, code: str) -> None:
    assert label(text) == code


@pytest.mark.parametrize(("code", "text"), LONG_LATIN.items())
def test_the_identifier_is_asked_about_long_latin_text_alone(code: str, text: str) -> None:
    assert len(text) >= LONG_TEXT
    found = foreign(text)
    assert found is not None
    assert found[0] == code
    assert SURE <= found[1] <= 1
    assert label(text) == code
    assert foreign(text[: LONG_TEXT - 1]) is None


@pytest.mark.parametrize(
    "text",
    [
        "ESPRESSO MACHINE DELONGHI DEDICA EC685 SILVER STAINLESS STEEL 15 BAR PUMP 1300W CAPPUCCINO LATTE MACCHIATO",
        "fits: toro 51574, 51592, 51593, 51594, 51599, 51609, 51602; lawn boy 51574, 51592; replaces 108-4955",
        "Estée Lauder Lancôme L'Oréal Paris Maybelline Garnier Nivea Dove Olay Neutrogena Clinique La Roche-Posay Vichy",
        "plays dvd-video, svcd, vcd, cd cd-r/-rw dvd-r/-rw (vr mode, cprm) dvd-r/-rw, dvd+r/+rw, dvr-r dl (video mode)",
        "for (int i = 0; i < n; ++i) { std::cout << a[i] << std::endl; } return 0; int main(int argc, char **argv) {",
        "aqua, glycerin, cetearyl alcohol, butyrospermum parkii butter, sodium hyaluronate, tocopherol, parfum, limonene",
        "Smittybilt 561035 Black Diamond C.RES System Cargo Net Jeep Wrangler TJ Unlimited Rubicon Sahara Moab Edition",
        "great great great great great great great great great great great great great great great great great great",
        'The kettle is from "Éditions de la Fenêtre", which I could not find anywhere else, and it does look as good.',
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_lists_code_brands_and_capitals_are_english(text: str) -> None:
    assert len(text) >= LONG_TEXT
    assert foreign(text) is None
    assert label(text) == "en"


def test_foreign_by_script() -> None:
    assert foreign("とても使いやすいです。色も気に入りました。") == ("ja", 1.0)
    assert foreign("아주 좋은 제품입니다. 배송도 빨랐어요.") == ("ko", 1.0)
    assert foreign("這個杯子很好看。" * 30) is None
    assert foreign("The kettle came in a box marked Чайник, which I liked.") is None
    assert foreign("这本书叫《ノルウェイの森》,是村上春树写的,非常好看。") is None
    # So are names in brackets beside their reading.
    assert foreign("春風書房（はるかぜしょぼう）是一家日本的出版社，總部設於京都。") is None
    assert foreign("『ロボットはるちゃん』(ロボットはるちゃん)是1984年放送的特摄节目。") is None
    assert foreign("一般的な目的の「バッグ」です。(ナイロン)色も是非見てください。") == ("ja", 1.0)
    # Too little to be sure of.
    assert foreign("お茶") is None


def test_addresses_are_of_no_language() -> None:
    assert label("详情见 https://www.example.com/a/very/long/address/with/many/letters/in/it.html") == "zh-Hans"
    assert label("https://www.example.com/") == "und" or label("https://www.example.com/") == "en"


def test_the_two_forms_of_chinese_are_told_apart_by_their_own_characters() -> None:
    for simplified, traditional in zip("这们个时国说为学发头车门见东", "這們個時國說為學發頭車門見東", strict=True):
        assert count_letters(simplified).traditional == 0
        assert count_letters(traditional).simplified == 0
    assert count_letters("这们个时国说为学头车门见东").simplified == 13
    assert count_letters("這們個時國說為學發頭車門見東").traditional == 14


NAMES = {"ja": ("HIRAGANA LETTER", "KATAKANA LETTER"), "ko": ("HANGUL SYLLABLE",), "ru": ("CYRILLIC",), "th": ("THAI CHARACTER",)}


@given(st.text(st.sampled_from("的国國台 aZé1。のおアーㅏ한Яя ก😀\n"), max_size=40))
def test_letters_are_counted_as_their_names_say(text: str) -> None:
    letters = count_letters(text)
    names = [unicodedata.name(one, "") for one in text if unicodedata.category(one)[0] == "L"]
    assert letters.han == sum(name.startswith("CJK UNIFIED") for name in names)
    assert letters.latin == sum(name.startswith("LATIN") for name in names)
    others = [
        sum(name.startswith(starts) and name not in ("HIRAGANA LETTER NO", "HANGUL LETTER A") for name in names)
        + (text.count("ㅏ") if code == "ko" else 0)
        for code, starts in NAMES.items()
    ]
    assert letters.others == max(others)
    assert letters.simplified == text.count("国")
    assert letters.traditional == text.count("國")


@settings(deadline=None)
@given(st.text() | st.text("aeiou éß的の", min_size=60))
def test_any_text_has_a_label(text: str) -> None:
    code = label(text)
    assert code in ("und", "mixed") or code[:2].islower()
    found = foreign(text)
    assert found is None or (found[0] not in ("en", "zh") and 0 <= found[1] <= 1)
    if script_language(text) == "zh":
        assert code != "en"


def texts(path: Path, column: str) -> Iterator[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as file:
        for line in file:
            yield clean_value(str(json.loads(line)[column] or ""), keep_lines=True)


def test_real_titles_reviews_and_articles(shared: Path) -> None:
    def labels(name: str, column: str) -> Counter[str]:
        return Counter(map(label, texts(shared / "data" / name, column)))

    assert labels("catalogue/zh_cncoin/products.jsonl", "name") == {"zh-Hans": 182}
    titles = labels("catalogue/zh_tmall_titles.jsonl", "title")
    assert titles["zh-Hans"] + titles["zh"] == titles.total()
    for name, column in (
        ("catalogue/en_amazon_pqa/products.jsonl", "title"),
        ("catalogue/en_giftcards/products.jsonl", "title"),
        ("catalogue/en_amazon_pqa/cqas.jsonl", "text"),
        ("catalogue/en_amazon_pqa/articles.jsonl", "text"),
        ("general/en_bbc.jsonl.gz", "content"),
    ):
        assert set(labels(name, column)) == {"en"}
    # Some reviews of the English shop are in other languages, and nothing else is taken for one.
    reviews = [text for text in texts(shared / "data/catalogue/en_amazon_pqa/reviews.jsonl", "text") if foreign(text)]
    assert 15 <= len(reviews) <= 20
    assert not any(f" {word} " in text for text in reviews for word in ("the", "and", "with"))
    tech = labels("general/en_tech_articles.jsonl.gz", "content")
    assert tech["en"] > 0.99 * tech.total()
    assert set(tech) <= {"en", "mixed"}
