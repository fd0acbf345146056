"""Lines and sentences taken out of a text: which, and that nothing else moves."""

from __future__ import annotations

import doctest
import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecomct.documents import answers, lines
from ecomct.documents.clean import clean_value
from ecomct.documents.lines import NOTHING, Frequent, plain, readable, sentences, without_lines

STOCK = Frequent.of(map(plain, ["感谢您的支持,祝您购物愉快!", "Thank you for shopping with us.", "亲,您好!很高兴为您服务~"]))


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(lines).failed == doctest.testmod(answers).failed == 0


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("有的。感谢您的支持,祝您购物愉快!", "有的。", 1),
        ("感谢您的支持,祝您购物愉快!有的。", "有的。", 1),
        ("亲,您好!很高兴为您服务~有货的。感谢您的支持,祝您购物愉快!", "亲,您好!很高兴为您服务~有货的。", 1),
        (
            "Yes it does. Thank you for shopping with us. It also fits the 2019 model.",
            "Yes it does. It also fits the 2019 model.",
            1,
        ),
        ("Yes it does. THANK YOU  for shopping with us!!", "Yes it does.", 1),
        # A text that is nothing else is gone; so is the line that it was.
        ("感谢您的支持,祝您购物愉快。", "", 1),
        ("感谢您的支持,祝您购物愉快!感谢您的支持,祝您购物愉快~", "", 2),
        ("a\n\nThank you for shopping with us\n\nb", "a\n\nb", 1),
        ("- **Thank you for shopping with us** -\nb", "b", 1),
        # Part of a sentence is that sentence's own.
        ("She said thank you for shopping with us. Odd.", "She said thank you for shopping with us. Odd.", 0),
        ("Thank you for shopping with us, Tom.", "Thank you for shopping with us, Tom.", 0),
        ("感谢您的支持,祝您购物愉快的一天", "感谢您的支持,祝您购物愉快的一天", 0),
        # Headings and code stay.
        ("# Thank you for shopping with us\nb", "# Thank you for shopping with us\nb", 0),
        ("```\nThank you for shopping with us\n```\nb", "```\nThank you for shopping with us\n```\nb", 0),
        ("```\nThank you for shopping with us", "```\nThank you for shopping with us", 0),
    ],
)
def test_frequent_lines_and_sentences(text: str, kept: str, gone: int) -> None:
    assert without_lines(text, STOCK, "auto") == (kept, {"line:boilerplate": gone} if gone else {})


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("亲,您好!很高兴为您服务~有货的。感谢您的支持,祝您购物愉快!", "亲,您好!有货的。"),
        ("这款茶壶有三种颜色可以选择,都有货。请在会员中心重新提交申请即可。", "这款茶壶有三种颜色可以选择,都有货。"),
        # Less than half of the answer, or only a courtesy, would stay.
        ("可以。请在会员中心重新提交申请即可。", "可以。请在会员中心重新提交申请即可。"),
        ("请在会员中心重新提交申请即可。请耐心等待,感谢理解。", "请在会员中心重新提交申请即可。请耐心等待,感谢理解。"),
        # What is nothing else goes as before: the survey says which rows keep it.
        ("请在会员中心重新提交申请即可。", ""),
    ],
)
def test_an_answer_stays_an_answer(answer: str, kept: str) -> None:
    texts = ["感谢您的支持,祝您购物愉快", "很高兴为您服务", "请在会员中心重新提交申请即可"]
    frequent = Frequent.of(texts, of_answers=True)
    assert without_lines(answer, frequent, "zh")[0] == kept


def test_sentences_are_looked_up_only_where_that_was_asked_for() -> None:
    by_line = Frequent.of(["thank you for shopping with us"], in_sentences=False)
    assert without_lines("Yes. Thank you for shopping with us.", by_line, "en")[1] == {}
    assert without_lines("Yes.\nThank you for shopping with us.", by_line, "en") == ("Yes.", {"line:boilerplate": 1})


@pytest.mark.parametrize(
    ("line", "cut"),
    [
        ("See v1.5 at a.com/b.html?c=d. Done", ["See v1.5 at a.com/b.html?c=d. ", "Done"]),
        ("他说:“好。”走了。", ["他说:“好。”", "走了。"]),
        ("真的?!当然~谢谢;再见", ["真的?!", "当然~", "谢谢;", "再见"]),
        ("a; b ~ c", ["a; b ~ ", "c"]),
        ("Wait... what?! (Yes.) No", ["Wait... ", "what?! ", "(Yes.) ", "No"]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_sentences(line: str, cut: list[str]) -> None:
    assert sentences(line) == cut


FOOTER = """--------------------------------------------------------------------------------

via: https://example.com/article

作者:[Jane Doe][a]
选题:[someone][b]
译者:[译者ID](https://example.com/译者ID)
校对:[校对者ID](https://example.com/校对者ID)

本文由 [Club](https://example.com/club) 原创编译,[网站](https://example.com/) 荣誉推出

[a]: https://example.com/jane
[b]: https://example.com/someone"""
ARTICLE = "\n\n".join(f"Paragraph {n} explains how the pump of a kettle is opened and cleaned." for n in range(20))


def test_a_foreign_footer_goes_and_the_article_stays() -> None:
    text, counts = without_lines(f"{ARTICLE}\n\n{FOOTER}", NOTHING, "en")
    assert counts == {"line:foreign": 5}
    assert text.startswith(ARTICLE)
    assert "[a]: https://example.com/jane" in text
    assert not any("\u4e00" <= one <= "\u9fff" for one in text)
    assert without_lines(f"{ARTICLE}\n\n{FOOTER}", NOTHING, "auto") == (text, counts)


def test_an_english_notice_under_a_chinese_article_goes() -> None:
    body = "\n".join(f"第{n}段讲怎样打开和清洗水壶的水泵,以及哪些零件需要更换。" for n in range(20))
    assert without_lines(f"{body}\n\n© 2019 Example Inc. All rights reserved.", NOTHING, "zh") == (body, {"line:foreign": 1})


@pytest.mark.parametrize(
    "line",
    [
        # In an English text: quotations, names and titles of works.
        "学而时习之,不亦说乎?",
        "The Nagasaki samurai Takashima Shuhan (高島秋帆) imported guns.",
        "> 作者认为这本书很好。",
        "* 红楼梦",
        "## 作者简介:",
        "人工智能 (artificial intelligence)",
    ],
)
@pytest.mark.parametrize("place", [0, 10, 20])
def test_content_in_the_other_script_stays(line: str, place: int) -> None:
    parts = ARTICLE.split("\n\n")
    text = "\n\n".join([*parts[:place], line, *parts[place:]])
    assert without_lines(text, NOTHING, "en") == (text, {})


@pytest.mark.parametrize(
    "line",
    [
        "Timberland Men's Ek Brook Park Zip Boot",
        "when the morning broke still the war flag shook",
        "piles.push_back(new_pile);",
        "2、[testing-distributed-systems](https://example.com/testing)",
        "Schliesinger, Joachim, Ethnic Groups, vol. 2, White Lotus 2003, ISBN 974-480-036-4",
    ],
)
def test_english_content_in_a_chinese_text_stays(line: str) -> None:
    body = "\n".join(f"第{n}段讲怎样打开和清洗水壶的水泵,以及哪些零件需要更换。" for n in range(20))
    text = f"{body}\n{line}"
    assert without_lines(text, NOTHING, "zh") == (text, {})


def test_a_notice_in_the_middle_or_in_code_or_in_a_bilingual_text_stays() -> None:
    credit = "作者:[Jane Doe](https://example.com)"
    for text in (
        ARTICLE + "\n" + credit + "\n" + ARTICLE,
        f"{ARTICLE}\n```\n{credit}\n```",
        ARTICLE + "\n" + "这是一篇双语文章,下面是中文部分。" * 40 + "\n" + credit,
        f"short\n{credit}",
    ):
        assert without_lines(text, NOTHING, "en") == (text, {})


PIECES = st.sampled_from(
    [
        "感谢您的支持,祝您购物愉快",
        "Thank you for shopping with us",
        "有的",
        "a",
        "!",
        "。",
        ".",
        "~",
        "”",
        " ",
        "\n",
        "\n\n",
        "```\n",
        "# ",
        "作者:",
        "[x](http://a.b)",
        "© copyright",
        "Long enough words of an English text " * 12,
        "很长的中文文字" * 60,
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join) | st.text()


@settings(deadline=None, max_examples=400)
@given(TEXTS, st.sampled_from(["zh", "en", "auto"]), st.booleans())
@example("汉。Thank you for shopping with us. !b。", "zh", True)
@example("a. 感谢您的支持,祝您购物愉快。”b", "zh", True)
def test_what_stays_is_as_it_was_and_a_second_pass_finds_nothing(text: str, language: str, in_sentences: bool) -> None:
    text = clean_value(text, keep_lines=True)
    frequent = Frequent.of([plain("感谢您的支持,祝您购物愉快"), plain("Thank you for shopping with us")], in_sentences)
    kept, counts = without_lines(text, frequent, language)
    assert without_lines(kept, frequent, language) == (kept, {})
    assert (kept == text) == (not counts)
    assert all(count > 0 for count in counts.values())
    # Every kept sentence is one of the text, and in its order.
    whole = iter([piece.strip() for line in text.split("\n") for piece in sentences(line)])
    assert all(piece.strip() in whole for line in kept.split("\n") for piece in sentences(line) if piece.strip())
    # Nothing that should go is left where it can be found.
    assert not any(frequent.holds(line) for line in readable(kept))


@given(st.text(st.sampled_from('a汉。.!?;~…"”) \n'), max_size=60))
def test_sentences_are_a_partition(line: str) -> None:
    assert "".join(sentences(line)) == line
    assert all(sentences(line))


@pytest.mark.parametrize("unit", ["。", ".", "[", "](", "!?", "a. ", "```\n", "# ", "作者:", "[a]: ", "\n", "*_", " "])
def test_time_is_linear_on_hostile_text(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    for language in ("zh", "en"):
        without_lines(text, STOCK, language)
        without_lines(ARTICLE + "\n汉" + text, STOCK, language)


def test_frequent_is_small_and_travels() -> None:
    assert pickle.loads(pickle.dumps(STOCK)) == STOCK
    assert not NOTHING.holds("anything")
    assert Frequent.of([]) == NOTHING or not Frequent.of([]).hashes
