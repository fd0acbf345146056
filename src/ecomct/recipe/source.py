"""What a recipe says of one table: where it is, what it holds and how it joins the others.

Every part of a recipe is frozen and refuses unknown keys, so that a misspelt setting is an error and not a silent default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ecomct.recipe.personal import PersonalKind

Kind = Literal["title", "attributes", "description", "review", "qa", "article", "dialogue", "web"]
Language = Literal["zh", "en", "auto"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]


class Part(BaseModel):
    """Base of every recipe part: immutable, strict about keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        protected_namespaces=(),
        allow_inf_nan=False,
        serialize_by_alias=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean(cls, value: Any) -> Any:
        # No setting is a boolean, YAML reads yes, no, on and off as one, and pydantic would take true for 1.
        if isinstance(value, bool):
            raise ValueError("a true or false does not belong here; quote a word such as 'no' or 'on'")
        return value


class Reference(Part):
    """Rows of this source belong to rows of another: an edge of the mixing graph (paper, 3.2)."""

    field: str | None = Field(None, description="Column that holds the key, or a list of keys; an adapter may supply it.")
    to: Name = Field(description="Name of the source whose primary_key the column holds.")


class Related(Part):
    """A further key: rows that it relates may be read together where no product joins them. It never decides a home."""

    field: str = Field(min_length=1, description="Column that holds a value, or a list of them.")
    to: Name | None = Field(
        None,
        description="The column holds keys of that source's rows (`also_buy`); else rows of equal value are related (brand).",
    )
    as_: Name | None = Field(
        None, alias="as", description="Name of the value, where columns of several sources share one; else the column's."
    )


class Source(Part):
    """One table: where it is, what it holds and how it joins the others."""

    path: str | list[str] = Field(description="File, folder or glob, or a list of them; relative to the recipe file.")
    format: Literal["auto", "jsonl", "csv", "tsv", "parquet"] = Field("auto", description="auto: by the file name.")
    encoding: str | list[str] = Field("utf-8", description="Text encoding, or several that are tried in order on each line.")
    adapter: Literal["generic", "amazon-2018", "amazon-2023", "wudao", "refinedweb"] = "generic"
    kind: Kind = Field(description="Which template turns a row into text.")
    role: Literal["domain", "general"] = Field("domain", description="Rows of a shop, or general text to blend in.")
    language: Language = Field("auto", description="auto: by script, row by row.")
    license: str = Field("unstated", description="Licence of the data, printed in the report.")
    primary_key: str | None = Field(None, description="Column that identifies a row; others may refer to it.")
    references: list[Reference] = Field([], description="Sources whose rows the rows of this one belong to.")
    related: list[Related] = Field([], description="Further keys, such as brand, shop or items bought together.")
    fields: dict[str, str | list[str]] = Field({}, description="Slot of the template -> column (dotted for nested), or columns.")
    personal: list[str] = Field(
        [], description="Columns (dotted for nested) that hold personal data: removed before anything reads the row."
    )
    mask: Literal["all", "none"] | list[PersonalKind] | None = Field(
        None,
        description="Personal data masked in this source, over `cleaning.mask`: all, none or a list of kinds. A guide to "
        "places has their public addresses and phones.",
    )
    template: str | None = Field(None, description="Own template such as '{title}: {text}', over the slots in `fields`.")
    serialization: Literal["seeded", "lines", "inline", "json", "sentence"] = Field(
        "seeded", description="How key-values are written; 'seeded' draws one of the others by row."
    )
    duplicates: Literal["auto", "product", "corpus", "keep"] = Field(
        "auto", description="Where an equal text is a duplicate: within one product, anywhere of this role, or nowhere."
    )
    max_rejected: float = Field(0.2, ge=0, le=1, description="Share of rejected rows over which the stage stops.")
    limit: int | None = Field(None, gt=0, description="Read only this many lines (Parquet: rows) of each file.")

    @field_validator("path")
    @classmethod
    def _names_files(cls, value: str | list[str]) -> str | list[str]:
        if not value or (isinstance(value, list) and "" in value):
            raise ValueError("names no file")
        return value

    @field_validator("encoding")
    @classmethod
    def _reads_lines(cls, value: str | list[str]) -> str | list[str]:
        """Only encodings whose line ends are the byte \\n: files are read line by line."""
        if not value:
            raise ValueError("names no encoding")
        for name in [value] if isinstance(value, str) else value:
            try:
                known = b"\n".decode(name) == "\n"
            except LookupError as error:
                raise ValueError(f"{name!r} is no text encoding; known are utf-8, gb18030, big5, latin-1 and others") from error
            except ValueError:
                known = False
            if not known:
                raise ValueError(f"{name!r} cannot be read line by line; convert the files to utf-8")
        return value
