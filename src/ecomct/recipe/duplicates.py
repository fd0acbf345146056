"""What a recipe says of duplicates: when two texts are one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecomct.recipe.source import Part


class Duplicates(Part):
    """Which rows repeat another. The first of a cluster stays; what a duplicate is and why: docs/duplicates.md."""

    near: Literal["verified", "off"] = Field(
        "verified", description="verified: texts that are nearly equal and state the same; off: equal texts only."
    )
    similarity: float = Field(
        0.75, ge=0.75, le=1, description="Least share of common shingles; below 0.75 candidates would be missed."
    )
    long_width: int = Field(
        480, ge=128, description="Width (a Chinese character counts 2) from which small edits, dates and numbers are tolerated."
    )
    long_similarity: float = Field(0.8, ge=0.75, le=1, description="Least share of common shingles of such long text.")
    bucket_rows: int = Field(
        16, ge=1, le=1024, description="Rows of one bucket that each other row of it is compared with; bounds the pairs."
    )
    max_cluster: int = Field(
        1000, ge=2, description="Most near-duplicates of one row, itself included; more are kept, counted and reported."
    )
