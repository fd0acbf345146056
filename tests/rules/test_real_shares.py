"""What the default profiles keep of real titles, reviews, values and questions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomct.documents.clean import clean_value
from ecomct.rules import Passage, compile_profile

# (file under data/catalogue, column, profile, language, least share kept); the shares measured are in docs/cleaning.md.
_CASES = [
    ("zh_tmall_titles.jsonl", "title", "title", "zh", 0.999),
    ("zh_cncoin/products.jsonl", "name", "title", "zh", 1.0),
    ("en_amazon_pqa/products.jsonl", "title", "title", "en", 1.0),
    ("en_giftcards/products.jsonl", "title", "title", "en", 0.999),
    ("zh_travel/entities.jsonl", "name", "title", "zh", 0.999),
    ("zh_cncoin/reviews.jsonl", "content", "review", "zh", 0.985),
    ("zh_reviews_10_categories.jsonl.gz", "review", "review", "zh", 0.995),
    ("en_giftcards/reviews.jsonl", "reviewText", "review", "en", 0.998),
    ("en_amazon_pqa/reviews.jsonl", "text", "review", "en", 0.995),
    ("zh_cncoin/qa.jsonl", "content", "question", "zh", 0.999),
    ("zh_cncoin/qa.jsonl", "replyContent", "answer", "zh", 0.998),
    ("zh_cncoin/attributes.jsonl", "material", "value", "zh", 0.95),
    ("en_amazon_pqa/descriptions.jsonl", "text", "description", "en", 0.997),
    ("zh_shopping_articles.jsonl", "content", "article", "zh", 1.0),
]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
        yield from map(json.loads, file)


@pytest.mark.parametrize(("file", "column", "name", "language", "least"), _CASES)
def test_share_kept(shared: Path, file: str, column: str, name: str, language: str, least: float) -> None:
    profile = compile_profile(name)
    texts = (clean_value(str(row.get(column) or ""), name == "article") for row in rows(shared / "data/catalogue" / file))
    verdicts = [profile.judge(Passage(text, name, language)) for text in texts if text]
    assert len(verdicts) > 100
    assert sum(verdict is None for verdict in verdicts) / len(verdicts) >= least
