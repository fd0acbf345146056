"""What the documentation says is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "examples/shop/README.md"]


def test_recipe_tables_are_those_of_the_types() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    from write_recipe_tables import PAGE, write

    page = PAGE.read_text(encoding="utf-8")
    assert write(page) == page, "run python docs/write_recipe_tables.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    """Paths such as `src/...`, `tests/...` in code marks."""
    for name in re.findall(r"`((?:src|tests|docs|benchmarks|recipes|examples)/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_the_recipe_in_the_documentation_is_valid() -> None:
    import yaml

    from ecomct.recipe import Recipe

    page = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    example = page[page.index("```yaml") + 7 : page.index("```", page.index("```yaml") + 7)]
    assert Recipe.model_validate(yaml.safe_load(example)).name == "my-shop"


@pytest.mark.parametrize("command", ["run", "check", "plan", "schema", "mix", "train", "explain", "trace", "rejected", "forget"])
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ecomct", command, "--help"], capture_output=True, text=True, check=True)
    assert f"ecomct {command}" in done.stdout
