"""Known table layouts: which column fills which slot, so that a recipe need not say it.

An adapter is data. It supplies what the recipe leaves out for one kind of source and never overrides
what the recipe says.

Sources of the layouts: Amazon Reviews 2018 and 2023 (McAuley group), WuDaoCorpora (BAAI) and
RefinedWeb (TII) as published.
"""

from __future__ import annotations

from typing import NamedTuple

from ecomct.recipe.source import Kind, Source

Fields = dict[str, str | list[str]]


class Layout(NamedTuple):
    """Defaults for one kind of source: its key, the column that refers to products, its slots."""

    primary_key: str | None
    reference: str | None
    fields: Fields


ADAPTERS: dict[str, dict[Kind, Layout]] = {
    "amazon-2018": {
        "title": Layout("asin", None, {"title": "title"}),
        "attributes": Layout(None, "asin", {"pairs": "details", "columns": ["brand"]}),
        "description": Layout(None, "asin", {"text": ["description", "feature"]}),
        "review": Layout(None, "asin", {"title": "summary", "text": "reviewText", "rating": "overall"}),
    },
    "amazon-2023": {
        "title": Layout("parent_asin", None, {"title": "title"}),
        "attributes": Layout(None, "parent_asin", {"pairs": "details", "columns": ["store"]}),
        "description": Layout(None, "parent_asin", {"text": ["description", "features"]}),
        "review": Layout(None, "parent_asin", {"title": "title", "text": "text", "rating": "rating"}),
    },
    "wudao": {"web": Layout(None, None, {"title": "title", "text": "content"})},
    "refinedweb": {"web": Layout(None, None, {"text": "content"})},
}


def with_adapter(source: Source) -> Source:
    """Return `source` with what its adapter knows filled in.

    Raises ValueError where the adapter does not know the kind.
    """
    if source.adapter == "generic":
        return source
    layouts = ADAPTERS[source.adapter]
    if source.kind not in layouts:
        raise ValueError(f"adapter {source.adapter} has no kind {source.kind} (it has {', '.join(layouts)})")
    layout = layouts[source.kind]
    references = [r if r.field else r.model_copy(update={"field": layout.reference}) for r in source.references]
    return source.model_copy(
        update={
            "primary_key": source.primary_key or layout.primary_key,
            "references": references,
            "fields": source.fields or layout.fields,
        }
    )
