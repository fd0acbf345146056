"""Boilerplate by frequency: what is found, what is not, and that neither workers nor history reach the bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecomct.documents.boilerplate import read_boilerplate
from ecomct.documents.lines import without_lines
from ecomct.documents.survey import SAMPLE_CHARS, survey_source, survey_task
from ecomct.recipe import load_recipe
from ecomct.run_folder import RunFolder
from ecomct.sources import files
from ecomct.sources.files import source_units
from ecomct.stages import survey

Shop = Callable[..., Path]
CLOSING = "感谢您的支持,欢迎再次光临!"
NOTICE = "Prices and stock are those of the day."


def found(recipe: Path, name: str) -> list[str]:
    """What the survey of one source finds."""
    loaded = load_recipe(recipe)
    return [one["text"] for one in survey_source(survey_task(loaded, name), source_units(loaded, name))["found"]]


def run(recipe: Path, folder: Path, workers: int = 1) -> RunFolder:
    """Run the stage alone."""
    loaded = load_recipe(recipe)
    folder.mkdir(exist_ok=True)
    made = RunFolder(loaded, folder, workers, tuple(loaded.training.arms))
    stage = survey.stage(made)
    if stage.done() is None:
        stage.open()
        stage.close(survey.work(made, stage))
    return made


def answers(count: int = 60, products: int = 30) -> list[dict[str, Any]]:
    """Answers of a shop that says goodbye in two of three."""
    rows = []
    for n in range(count):
        text = f"这款茶壶重{100 + 7 * n}克,适合{n % 5 + 2}个人用。" + (CLOSING if n % 3 else "")
        rows.append({"product": f"P{n % products:03d}", "question": f"第{n}款有多重?", "answer": text})
    return rows


def descriptions(count: int, text: Callable[[int], str]) -> dict[str, Any]:
    return {
        "tables": {"articles": [{"products": [f"P{n % 30:03d}"], "title": f"标题{n}", "text": text(n)} for n in range(count)]},
        "overrides": {"sources.articles.kind": "description"},
    }


def test_a_closing_of_answers_is_found_and_taken_out(shop: Shop) -> None:
    path = shop(tables={"qa": answers()})
    assert found(path, "qa") == ["感谢您的支持,欢迎再次光临"]


def test_questions_titles_reviews_and_key_values_are_not_surveyed(shop: Shop) -> None:
    same = "这是一句在每一行里都出现的话,一共有二十多个字。"
    path = shop(
        tables={
            "qa": [row | {"question": same} for row in answers()],
            "reviews": [{"product": f"P{n % 30:03d}", "text": same, "stars": 5} for n in range(60)],
            "products": [{"id": f"P{n:03d}", "title": same, "color": same, "weight": n} for n in range(30)],
        }
    )
    for name in ("products", "facts", "reviews"):
        assert found(path, name) == []
    assert found(path, "qa") == ["感谢您的支持,欢迎再次光临"]


def test_short_answers_stay_however_frequent(shop: Shop) -> None:
    for answer in ("有的。", "Yes it does.", "是的,这款可以放进洗碗机。", "Yes, it will fit a 12 inch sink."):
        rows = [{"product": f"P{n % 30:03d}", "question": f"第{n}个问题?", "answer": answer} for n in range(60)]
        assert found(shop(tables={"qa": rows}), "qa") == []


def test_a_long_answer_that_many_questions_got_is_boilerplate(shop: Shop) -> None:
    answer = "目前暂未收到该产品销售通知,请随时关注本商城的销售信息。"
    rows = answers(40) + [{"product": f"P{n % 30:03d}", "question": f"何时卖{n}?", "answer": answer} for n in range(40)]
    assert found(shop(tables={"qa": rows}), "qa")[0] == answer.strip("。")


def test_a_stock_answer_with_a_figure_stays_with_all_its_sentences(shop: Shop) -> None:
    parts = [
        "审核需要一定的时间,一般3到5个工作日完成。",
        "没有收到短信时请查看被拦截的短信。",
        "没有通过的话请在会员中心重新提交。",
    ]
    rows = answers(30)
    rows += [{"product": f"P{n % 30:03d}", "question": f"多久{n}?", "answer": "".join(parts)} for n in range(40)]
    # In a few answers a sentence of it stands alone with others: enough texts to look like a greeting.
    for n in range(12):
        rows.append({"product": f"P{n:03d}", "question": f"短信{n}?", "answer": f"第{n}批已经处理过了哦。" + parts[1]})
    assert found(shop(tables={"qa": rows}), "qa") == ["感谢您的支持,欢迎再次光临"]


def test_the_first_rows_keep_what_is_found(shop: Shop) -> None:
    answer = "目前暂未收到该产品销售通知,请随时关注本商城的销售信息。"
    rows = answers(40) + [{"product": f"P{n % 30:03d}", "question": f"何时卖{n}?", "answer": answer} for n in range(40)]
    for keep in (0, 3):
        recipe = load_recipe(shop({"cleaning.boilerplate.keep_rows": keep}, {"qa": rows}))
        first = survey_source(survey_task(recipe, "qa"), source_units(recipe, "qa"))["found"][0]
        assert first["kept_in"] == ["0:41", "0:42", "0:43"][:keep]
    # A site's notices say nothing of a product.
    page = [{"text": f"Line {n} says that {n} kettles were sold.\nShared under the licence of this site."} for n in range(60)]
    recipe = load_recipe(shop(tables={"general_en": page}))
    made = survey_source(survey_task(recipe, "general_en"), source_units(recipe, "general_en"))
    assert [one["kept_in"] for one in made["found"]] == [[]]


def test_what_one_product_repeats_is_its_own(shop: Shop) -> None:
    rows = answers(60, products=1)
    assert found(shop(tables={"qa": rows}), "qa") == []
    # One description on many variants is theirs; a notice in texts that differ is the shop's.
    family = "This kettle has a wooden handle made by hand in the north.\n"
    path = shop(**descriptions(60, lambda n: family + NOTICE * (n % 2)))
    assert found(path, "articles") == []
    path = shop(**descriptions(60, lambda n: f"Kettle {n} holds {n * 13} cups of tea and more.\n{NOTICE}"))
    assert found(path, "articles") == [NOTICE.casefold().strip(".")]


def test_what_stands_within_texts_is_theirs(shop: Shop) -> None:
    def article(n: int, middle: str) -> str:
        lines = [f"Line {n}-{step} says that the {step * n} kettles were sold." for step in range(20)]
        return "\n".join([*lines[:10], middle, *lines[10:]])

    for line in ("### How to clean the kettle", "```\nsudo apt-get update --yes\n```", "Clean the kettle with vinegar first."):
        rows = [{"text": article(n, line)} for n in range(60)]
        assert found(shop(tables={"general_en": rows}), "general_en") == []
    footer = [{"text": article(n, "x") + "\nShared under the licence of this site."} for n in range(60)]
    assert found(shop(tables={"general_en": footer}), "general_en") == ["shared under the licence of this site"]


def test_empty_fields_of_a_head_are_found_however_short(shop: Shop) -> None:
    def page(n: int, head: str) -> str:
        return head + "\n".join(f"Line {n}-{step} says that the {step * n} kettles were sold." for step in range(20))

    head = [{"text": page(n, f"title: Kettle {n}\n[#]: editor: ( )\n[#]: url: ( )\n" if n % 2 else "")} for n in range(60)]
    assert found(shop(tables={"general_en": head}), "general_en") == ["editor", "url"]
    # In less than a fifth of the pages it is a heading or an answer of theirs.
    rare = [{"text": page(n, "" if n % 6 else "Summary\n")} for n in range(150)]
    assert found(shop(tables={"general_en": rare}), "general_en") == []


def test_settings_bound_the_search(shop: Shop) -> None:
    tables = {"qa": answers()}
    assert found(shop({"cleaning.boilerplate.min_rows": 41}, tables), "qa") == []
    assert found(shop({"cleaning.boilerplate.min_share": 0.7}, tables), "qa") == []
    assert found(shop({"cleaning.boilerplate.min_chars": 14}, tables), "qa") == []
    assert found(shop({"cleaning.boilerplate.sample_rows": 0}, tables), "qa") == []


def test_the_sample_is_bounded_and_spread_over_units(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UNIT_BYTES", 1 << 20)
    monkeypatch.setattr(files, "_BLOCK", 1 << 16)
    rows = [
        {"text": f"Row {n}. " + f"word{n} " * 200 + f"\nThe {('first', 'second')[n >= 2000]} site's own last line."}
        for n in range(4000)
    ]
    recipe = load_recipe(shop(tables={"general_en": rows}))
    units = source_units(recipe, "general_en")
    assert len(units) > 4
    made = survey_source(survey_task(recipe, "general_en"), units)
    assert SAMPLE_CHARS * 0.9 < made["chars"] <= SAMPLE_CHARS
    # Lines of the file's beginning and of its end are found, each in about half of the sample.
    assert sorted(one["text"] for one in made["found"]) == ["the first site's own last line", "the second site's own last line"]
    assert all(0.3 < one["share"] < 0.7 for one in made["found"])
    few = load_recipe(shop({"cleaning.boilerplate.sample_rows": 100}, {"general_en": rows}))
    assert survey_source(survey_task(few, "general_en"), units)["rows"] == 100


def test_the_stage_writes_what_a_person_reads_and_a_worker_loads(shop: Shop, tmp_path: Path) -> None:
    path = shop(tables={"qa": answers()})
    made = run(path, tmp_path / "run")
    file = made.folder / "survey" / survey.FILE
    kept_in = [f"0:{line}" for line in range(1, 16) if (line - 1) % 3]
    assert json.loads(file.read_text()) == {
        "qa": [{"field": "answer", "kept_in": kept_in, "rows": 40, "share": 0.6667, "text": "感谢您的支持,欢迎再次光临"}]
    }
    frequent = read_boilerplate(file, made.recipe)["qa"]["answer"]
    assert without_lines("重100克。" + CLOSING, frequent, "zh") == ("重100克。", {"line:boilerplate": 1})
    assert [row[:2] for row in survey.table(made)] == [["source", "rows counted"], ["qa", "60"], ["articles", "10"]] + [
        [name, "25"] for name in ("general_en", "general_zh")
    ]


def test_bytes_do_not_depend_on_workers_or_on_what_was_forgotten_before(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "_WORTH_WORKERS", 0)
    path = shop({"cleaning.boilerplate.sample_rows": 50}, {"qa": answers(90)})

    def written(folder: str, workers: int) -> bytes:
        return (run(path, tmp_path / folder, workers).folder / "survey" / survey.FILE).read_bytes()

    first = written("a", 1)
    assert written("b", 2) == first
    path.with_suffix(".forget").write_text("P004\nproducts/P005\n")
    assert written("a", 2) == written("c", 1)
    assert written("a", 1) != first
    path.with_suffix(".forget").unlink()
    assert written("a", 1) == first


def test_unreadable_rows_are_passed_over(shop: Shop) -> None:
    lines = [json.dumps(row) for row in answers()]
    torn = "\n".join([*lines, "{", "[]", '{"answer": null}', '{"answer": 7}', '{"answer": ["a", {"b": 1}]}', "\x00"]).encode()
    assert found(shop(tables={"qa": torn}), "qa") == ["感谢您的支持,欢迎再次光临"]


def test_real_boilerplate(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECOMCT_SHARED", str(shared))
    recipe = Path(__file__).parents[2] / "recipes" / "real-bilingual.yaml"
    replies = found(recipe, "coin_qa")
    assert any("暂未收到该产品销售通知" in text for text in replies)
    assert not any("工作日" in text or "短信" in text for text in replies)
    assert not any(len(text) < 10 for text in replies)
    assert any("lctt" in text for text in found(recipe, "tech_en"))
    assert "no returns and no refunds on gift cards" in found(recipe, "card_descriptions")
    for name in ("news_en", "web_en", "wiki_zh", "pqa_descriptions", "pqa_articles", "travel_dialogues"):
        assert found(recipe, name) == []
