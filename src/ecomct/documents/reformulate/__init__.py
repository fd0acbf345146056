"""What a field holds besides text, made text before it is cleaned: wrong encodings, JSON, base64, run-together values."""

from __future__ import annotations

from ecomct.documents.reformulate.reformulate import reformulate

__all__ = ["reformulate"]
