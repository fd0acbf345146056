"""Kinds of personal data, and which of them a source has masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:  # both use these kinds
    from ecomct.recipe.cleaning import Cleaning
    from ecomct.recipe.source import Source

PersonalKind = Literal[
    "phone", "email", "national_id", "bank_card", "order_number", "address", "account", "url_token", "ip", "name"
]
PERSONAL: tuple[PersonalKind, ...] = get_args(PersonalKind)


def masked_kinds(cleaning: Cleaning, source: Source) -> frozenset[PersonalKind]:
    """The kinds that are masked in the rows of a source: its own setting, else that of the recipe."""
    if source.mask is None:
        return frozenset(cleaning.mask)
    if isinstance(source.mask, str):
        return frozenset(PERSONAL if source.mask == "all" else ())
    return frozenset(source.mask)
