"""How much of each stream is trained on: decided once, in tokens of rows, for all arms alike.

The domain is cut by whole products in seeded order, before any clustering, so that the separate and
the mixed arm hold exactly the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecomct.recipe.model import Blend
from ecomct.seeded import U64, hash_text, mix64


@dataclass(frozen=True)
class Budget:
    """Tokens wanted of the domain (all epochs) and of each general language, and what is short, in plain words."""

    domain: int
    general: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class HomeBudget:
    """Which homes are used: those whose seeded hash is under `limit`, less the few in `skipped` that do not fit."""

    limit: int
    skipped: tuple[int, ...]

    def holds(self, home: U64, seed: int) -> npt.NDArray[np.bool_]:
        """Whether each home is used."""
        everything = self.limit >= 1 << 64
        used = np.ones(len(home), dtype=bool) if everything else home_order(home, seed) < np.uint64(self.limit)
        return used & ~np.isin(home, np.array(self.skipped, dtype=np.uint64)) if self.skipped else used


def plan_budget(blend: Blend, domain: int, general: dict[str, int], taken: int | None = None) -> Budget:
    """Largest budget that keeps the ratios with what there is.

    `domain` and `general[language]` are the tokens available; `taken` the domain tokens that whole products
    make of the budget, once they are chosen. The result counts tokens as they are seen: the domain in every
    epoch. No general language is repeated more than `blend.max_repeats` times; the domain is seen
    `blend.epochs` times.
    """
    domain, taken = domain * blend.epochs, None if taken is None else taken * blend.epochs
    shares: dict[str, float] = {name: weight / sum(blend.languages.values()) for name, weight in blend.languages.items()}
    notes = [
        f"{language}: {tokens:,} general tokens are unused, blend.languages does not name it"
        for language, tokens in general.items()
        if language not in shares and tokens
    ]
    missing = [language for language in shares if not general.get(language)]
    if not any(general.get(language) for language in shares):
        return Budget(min(domain, blend.tokens or domain) if taken is None else taken, dict.fromkeys(shares, 0), notes)
    if missing:
        notes.append(f"no general text in {', '.join(missing)}: blend.languages is kept among the others")
        shares = {language: share for language, share in shares.items() if language not in missing}
        shares = {language: share / sum(shares.values()) for language, share in shares.items()}
    if domain == 0:
        total = min(blend.max_repeats * general[language] / share for language, share in shares.items())
        total = min(total, blend.tokens or total)
        return Budget(0, {language: round(total * share) for language, share in shares.items()}, notes)
    limits = {"domain": float(domain)}
    for language, share in shares.items():
        limits[f"general {language}"] = blend.max_repeats * general[language] / share / blend.general_per_domain
    if blend.tokens:
        limits["blend.tokens"] = blend.tokens / (1 + blend.general_per_domain)
    tightest = min(limits, key=lambda name: (limits[name], name))
    used = round(limits[tightest]) if taken is None else taken
    wanted = {language: round(used * blend.general_per_domain * share) for language, share in shares.items()}
    epochs = f" in {blend.epochs} epochs" if blend.epochs > 1 else ""
    if used < domain:
        notes.append(f"domain: {used:,} of {domain:,} tokens{epochs} are used, {tightest} is the limit")
    for language, tokens in wanted.items():
        if tokens > general[language]:
            notes.append(f"general {language}: seen {tokens / general[language]:.2f} times ({general[language]:,} tokens there)")
        else:
            notes.append(f"general {language}: {tokens:,} of {general[language]:,} tokens are used")
    return Budget(used, wanted, notes)


def choose_homes_within(home: U64, tokens: U64, wanted: int, seed: int) -> tuple[HomeBudget, int]:
    """Homes in seeded order, each whole, until `wanted` tokens are reached; and the tokens they have.

    A home that does not fit into what is left is skipped, so that one large product does not end the
    budget; the search ends at 99 % or after a thousand skips. Never more than `wanted`. Memory: 40 bytes a row.
    """
    if int(tokens.sum()) <= wanted:
        return HomeBudget(1 << 64, ()), int(tokens.sum())
    homes, of = np.unique(home, return_inverse=True)
    size = np.bincount(of, weights=tokens.astype(np.float64)).astype(np.int64)
    key = home_order(homes, seed)
    order = np.argsort(key, kind="stable")
    reach = np.cumsum(size[order])
    skipped: list[int] = []
    over = 0  # tokens of the skipped
    while True:
        end = int(np.searchsorted(reach, wanted + over, side="right"))
        taken = int(reach[end - 1]) - over if end else 0
        if end == len(order) or taken >= 0.99 * wanted or len(skipped) == 1000:
            break
        skipped.append(end)
        over += int(size[order[end]])
    limit = int(key[order[end]]) if end < len(order) else 1 << 64
    return HomeBudget(limit, tuple(int(homes[order[position]]) for position in skipped if position < end)), taken


def home_order(home: U64, seed: int) -> U64:
    """The seeded hash by which homes enter the budget."""
    return mix64(home, hash_text("budget", seed) >> 1)
