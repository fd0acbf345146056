"""The examples in the docstrings of rules and profiles are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ecomct.rules
from ecomct.rules import RULES

_MODULES = [f"ecomct.rules.{module.name}" for module in pkgutil.iter_modules(ecomct.rules.__path__)]
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for name in _MODULES for test in finder.find(importlib.import_module(name), name) if test.examples]


@pytest.mark.parametrize("example", _examples(), ids=lambda example: example.name.removeprefix("ecomct.rules."))
def test_example(example: doctest.DocTest) -> None:
    output: list[str] = []
    doctest.DocTestRunner(optionflags=_FLAGS).run(example, out=output.append)
    assert not output, "".join(output)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_an_example_that_calls_it(name: str) -> None:
    measure = RULES[name].measure
    assert f">>> {measure.__name__}(" in (measure.__doc__ or "")
