"""Which kinds of personal data are masked is the recipe's choice, and each source's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ecomct.documents.refine import Refine
from ecomct.recipe.cleaning import Cleaning
from ecomct.recipe.personal import PERSONAL, masked_kinds
from ecomct.recipe.source import Source

TEXT = "博物馆地址:北京市东城区景山前街4号,电话010-85007938,邮箱a.b@museum.cn"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, {"phone", "email"}),
        ("all", set(PERSONAL)),
        ("none", set()),
        ([], set()),
        (["email", "name"], {"email", "name"}),
    ],
)
def test_a_source_goes_over_the_recipe(own: Any, expected: set[str]) -> None:
    source = Source(path="x.jsonl", kind="review", mask=own)
    assert masked_kinds(Cleaning(mask=["phone", "email"]), source) == expected


@pytest.mark.parametrize("own", ["some", "phone", True, False, ["phones"]])
def test_what_is_no_choice_is_refused(own: Any) -> None:
    with pytest.raises(ValidationError):
        Source(path="x.jsonl", kind="review", mask=own)


def test_a_guide_keeps_addresses_and_phones_of_places(tmp_path: Path) -> None:
    kept = frozenset(PERSONAL) - {"phone", "address"}
    assert Refine(Cleaning(), "zh", {}, "dialogue", kept)(TEXT, True, "text") == TEXT.replace("a.b@museum.cn", "[EMAIL]")
    assert "[ADDRESS]" in Refine(Cleaning(), "zh", {}, "dialogue")(TEXT, True, "text")
