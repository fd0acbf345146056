"""Personal data in text: found, replaced by typed placeholders and counted; columns of persons left out."""

from __future__ import annotations

from ecomct.documents.privacy.columns import is_personal_column, without_personal
from ecomct.documents.privacy.mask import mask, mask_value

__all__ = ["is_personal_column", "mask", "mask_value", "without_personal"]
