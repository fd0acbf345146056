"""How much of each stream is trained on: decided once, in tokens of rows, for all arms alike.

The domain is cut by whole products in seeded order, before any clustering, so that the separate and
the mixed arm hold exactly the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecomct.recipe.model import Blend
from ecomct.seeded import U64, hash_text, mix64


@dataclass(frozen=True)
class Budget:
    """Tokens wanted of the domain and of each general language, and what is short, in plain words."""

    domain: int
    general: dict[str, int]
    notes: list[str]


def plan_budget(blend: Blend, domain: int, general: dict[str, int]) -> Budget:
    """Largest budget that keeps the ratios with what there is.

    `domain` and `general[language]` are the tokens available. No general language is repeated more than
    `blend.max_repeats` times; the domain is never repeated.
    """
    shares: dict[str, float] = {name: weight / sum(blend.languages.values()) for name, weight in blend.languages.items()}
    notes = [
        f"{language}: {tokens:,} general tokens are unused, blend.languages does not name it"
        for language, tokens in general.items()
        if language not in shares and tokens
    ]
    missing = [language for language in shares if not general.get(language)]
    if domain == 0:
        total = min((general.get(language, 0) / share for language, share in shares.items()), default=0)
        total = min(total, blend.tokens or total)
        return Budget(0, {language: round(total * share) for language, share in shares.items()}, notes)
    if not any(general.values()):
        return Budget(min(domain, blend.tokens or domain), dict.fromkeys(shares, 0), notes)
    if missing:
        notes.append(f"no general text in {', '.join(missing)}: blend.languages is kept among the others")
        shares = {language: share for language, share in shares.items() if language not in missing}
        shares = {language: share / sum(shares.values()) for language, share in shares.items()}
    limits = {"domain": float(domain)}
    for language, share in shares.items():
        limits[f"general {language}"] = blend.max_repeats * general[language] / share / blend.general_per_domain
    if blend.tokens:
        limits["blend.tokens"] = blend.tokens / (1 + blend.general_per_domain)
    tightest = min(limits, key=lambda name: (limits[name], name))
    used = round(limits[tightest])
    wanted = {language: round(used * blend.general_per_domain * share) for language, share in shares.items()}
    if used < domain:
        notes.append(f"domain: {used:,} of {domain:,} tokens are used, {tightest} is the limit")
    for language, tokens in wanted.items():
        if tokens > general[language]:
            notes.append(f"general {language}: seen {tokens / general[language]:.2f} times ({general[language]:,} tokens there)")
        else:
            notes.append(f"general {language}: {tokens:,} of {general[language]:,} tokens are used")
    return Budget(used, wanted, notes)


def home_limit(home: U64, tokens: U64, wanted: int, seed: int) -> int:
    """Threshold of the seeded hash under which homes are used: the longest prefix within `wanted` tokens.

    Returns 2**64 where everything fits. Memory: 24 bytes a row.
    """
    if int(tokens.sum()) <= wanted:
        return 1 << 64
    key = home_order(home, seed)
    order = np.argsort(key, kind="stable")
    total = np.cumsum(tokens[order].astype(np.int64))
    position = int(np.searchsorted(total, wanted, side="right"))
    # The product that crosses the line stays out whole.
    return int(key[order[position]])


def home_order(home: U64, seed: int) -> U64:
    """The seeded hash by which homes enter the budget."""
    return mix64(home, hash_text("budget", seed) >> 1)
