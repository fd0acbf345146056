"""What a recipe says of the text of a row: which rules it must pass, what is taken out and what is masked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecomct.recipe.personal import PERSONAL, PersonalKind
from ecomct.recipe.source import Name, Part

ProfileName = Literal["title", "value", "description", "review", "question", "answer", "article", "dialogue", "web"]


class Boilerplate(Part):
    """Lines and sentences that a source repeats from row to row, found by frequency in a sample of its rows."""

    min_rows: int = Field(20, ge=2, description="Rows of the sample that must hold the line.")
    min_share: float = Field(0.005, ge=0, le=1, description="Share of the sample's rows that must hold it.")
    min_chars: int = Field(10, ge=1, description="Shorter lines are speech, unless a fifth of a site's pages have them.")
    keep_rows: int = Field(10, ge=0, description="Rows of a source's answers or descriptions that keep a text found.")
    sample_rows: int = Field(20_000, ge=0, description="Rows of a source that are counted; 0: no search for boilerplate.")


class Cleaning(Part):
    """Row-wise cleaning, before text is written. Rules, thresholds and reasons: docs/cleaning.md."""

    profiles: dict[ProfileName, dict[Name, float | None]] = Field(
        {}, description="By kind of field: rule -> threshold, over the defaults; null turns a rule off."
    )
    samples: dict[Name, float | None] = Field(
        {}, description="The second pass, on mixed samples: rule -> threshold, over the defaults; null turns a rule off."
    )
    boilerplate: Boilerplate = Boilerplate()
    mask: list[PersonalKind] = Field(
        list(PERSONAL), description="Personal data replaced by a placeholder of its kind, where a source says nothing else."
    )
