"""What a recipe says of benchmarks whose items must not be trained on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ecomct.recipe.source import Name, Part


class Benchmark(Part):
    """Files with the items of one benchmark, besides the tasks under `evaluation`."""

    path: str | list[str] = Field(description="File, folder or glob, or a list of them; a folder is read whole.")
    format: Literal["auto", "jsonl", "json", "csv", "tsv", "lines", "conll", "ecominstruct"] = Field(
        "auto", description="auto: by the file name; a folder with meta-info.json is a task in EcomInstruct form."
    )
    encoding: str | list[str] = Field("utf-8", description="Text encoding, or several that are tried in order.")
    text: list[str] = Field([], description="Columns with text, dotted for nested; none: every text of a record.")
    title: list[str] = Field([], description="Columns with the title of a product; none: those called title, name or so.")
    id: list[str] = Field([], description="Columns with a product's key; none: those named as a source's key column, `id` not.")


class Decontamination(Part):
    """Rows that hold an item of a benchmark, or belong to a product that an item names, are kept out of training.

    The tasks under `evaluation` are always screened for. Rules and reasons: docs/decontamination.md.
    """

    benchmarks: dict[Name, Benchmark] = Field(
        {}, json_schema_extra={"additionalProperties": False}, description="Further benchmarks, by a name of your choice."
    )
    policy: Literal["remove", "report"] = Field("remove", description="report: rows are listed and stay.")
    least: dict[Literal["zh", "en"], int] = Field(
        {"zh": 6, "en": 4}, description="Characters (zh) or words (en) under which a text is no evidence."
    )
    enough: dict[Literal["zh", "en"], int] = Field(
        {"zh": 24, "en": 16}, description="Characters or words of a longer text that one row must hold; of a shorter one, all."
    )
    share: float = Field(0.4, gt=0, le=1, description="Share of a long text that one row must hold.")
    common_rows: int = Field(20, ge=1, description="A text that more different rows hold is a common phrase, no leak.")
