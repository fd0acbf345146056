"""One packed shop for all tests of lineage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecomct.lineage.locate import Located, open_run
from ecomct.pipeline import run_recipe
from ecomct.recipe import load_recipe


@pytest.fixture(scope="session")
def packed(
    shop_at: Callable[..., Path], shop_rows: dict[str, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Recipe and runs of a shop with every outcome: long, repeated, broken, held-out, keyless and surplus rows."""
    home = tmp_path_factory.mktemp("lineage")
    repeated = shop_rows["reviews"][24]
    reviews = [
        *shop_rows["reviews"],
        repeated,
        {"product": None, "text": "Bought by somebody, of something, and liked.", "stars": 5.0},
        {"product": "P005", "text": "", "stars": 1.0},
        {"product": "P998", "text": "A lone review of what no table lists.", "stars": 2.0},
        {"product": "P997", "text": "Another review of what no table lists.", "stars": 2.0},
    ]
    long = {"products": ["P006"], "title": "A long one", "text": "Every kettle boils. " * 120}
    settings = {"buckets": 5, "blend.max_repeats": 1.9, "sequences.length": 192}
    recipe = shop_at(home / "shop", settings, {"reviews": reviews, "articles": [*shop_rows["articles"], long]})
    with open(home / "shop" / "qa.jsonl", "a") as file:
        file.write('{"product": "P001", "torn\n')
    run_recipe(load_recipe(recipe), home / "runs", "pack")
    return recipe, home / "runs"


@pytest.fixture
def located(packed: tuple[Path, Path]) -> Located:
    """The packed shop, opened."""
    return open_run(load_recipe(packed[0]), packed[1])
