"""Where every row went: rows in = kept + rejected + duplicates + leftovers, at each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Account:
    """The rows of one source at one stage."""

    rows_in: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    leftovers: Counter[str] = field(default_factory=Counter)

    def add(self, other: Mapping[str, Any]) -> None:
        """Add the account of a unit (its JSON form)."""
        self.rows_in += other.get("rows_in", 0)
        self.kept += other.get("kept", 0)
        self.duplicates += other.get("duplicates", 0)
        self.rejected.update(other.get("rejected", {}))
        self.leftovers.update(other.get("leftovers", {}))

    @property
    def closes(self) -> bool:
        """Whether every row in is accounted for."""
        return self.rows_in == self.kept + self.rejected.total() + self.duplicates + self.leftovers.total()

    def facts(self) -> dict[str, Any]:
        """JSON form, reasons sorted."""
        return {
            "rows_in": self.rows_in,
            "kept": self.kept,
            "rejected": dict(sorted(self.rejected.items())),
            "duplicates": self.duplicates,
            "leftovers": dict(sorted(self.leftovers.items())),
        }


def total(accounts: Iterable[Mapping[str, Mapping[str, Any]]], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Sum units' accounts by source name, in the order of `names`.

    Guarantees that every sum closes; a stage that lost a row is a bug and fails here.
    """
    sums = {name: Account() for name in names}
    for unit in accounts:
        for name, facts in unit.items():
            sums[name].add(facts)
    for name, account in sums.items():
        assert account.closes, f"ledger of {name} does not close: {account.facts()}"
    return {name: account.facts() for name, account in sums.items() if account.rows_in}
