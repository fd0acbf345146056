"""docs/cleaning.md is that of the registry, and its example works."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ecomct.recipe.cleaning import Cleaning
from ecomct.rules import RULES, Passage, profile_problems, rule

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "cleaning.md").read_text(encoding="utf-8")


@pytest.fixture
def registry() -> Iterator[None]:
    known = dict(RULES)
    yield
    RULES.clear()
    RULES.update(known)


def test_tables_are_those_of_the_registry() -> None:
    sys.path.insert(0, str(DOCS))
    from write_rule_tables import write

    assert write(PAGE) == PAGE, "run python docs/write_rule_tables.py"


def test_the_recipe_is_valid() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    cleaning = Cleaning.model_validate(yaml.safe_load(example[1])["cleaning"])
    assert cleaning.profiles
    assert profile_problems(cleaning) == []


@pytest.mark.usefixtures("registry")
def test_the_new_rule_works_and_its_example_is_true() -> None:
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    names = {"rule": rule, "Passage": Passage}
    exec(example[1], names)
    assert RULES["max_capitals"].fails(Passage("BEST LAMP EVER"), 0.9)
    test = doctest.DocTestParser().get_doctest(RULES["max_capitals"].measure.__doc__ or "", names, "example", None, None)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("name", "kind"), [("max_copies", "review"), ("copies", "review"), ("max_new", "tittle")])
def test_a_rule_that_cannot_be_is_refused(name: str, kind: str) -> None:
    with pytest.raises(ValueError, match=name):
        rule(name, {kind: 1}, "Because.")
