"""How much of a mixture is really mixed: each measure with its upper bound (value, bound, ratio)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ecomct.mixing.deal import REASONS, Dealt
from ecomct.seeded import U64

I64 = npt.NDArray[np.int64]


def measure(product: U64, source: I64, tokens: I64, dealt: Dealt, min_rows: int, max_rows: int) -> dict[str, Any]:
    """Sums over one bucket's keyed rows; `summarise` turns sums of many buckets into the measures."""
    sums: dict[str, Any] = {"rows": len(product), "tokens": int(tokens.sum())}
    sums["reasons"] = {name: int((dealt.reason == code).sum()) for code, name in enumerate(REASONS)}
    _, group = np.unique(product, return_inverse=True)
    pair, per_pair = np.unique(np.stack([group, source]), axis=1, return_counts=True)
    products = int(group.max()) + 1 if len(group) else 0
    size = np.bincount(group, minlength=products)
    largest = np.zeros(products, dtype=np.int64)
    np.maximum.at(largest, pair[0], per_pair)
    hands = np.ones(products, dtype=np.int64)
    hands[group] = dealt.hands
    can = size >= min_rows
    sums["products"] = products
    sums["products_of_several_sources"] = int((np.bincount(pair[0], minlength=products) > 1).sum())
    # The most that any partition into each product's K clusters can cover, and the rows that any clusters
    # of at most max_rows can bring beside another source. Products under min_rows have no cluster.
    sums["coverage_bound"] = int(np.minimum(per_pair, hands[pair[0]])[can[pair[0]]].sum())
    sums["hands"] = int(hands[can].sum())
    sums["multi_source_rows_bound"] = int(np.minimum(size, max_rows * (size - largest))[can].sum())

    kept = dealt.cluster >= 0
    cluster, of = dealt.cluster[kept], source[kept]
    clusters = int(cluster.max()) + 1 if len(cluster) else 0
    members, tokens_in = np.bincount(cluster, minlength=clusters), np.bincount(cluster, weights=tokens[kept], minlength=clusters)
    covered = np.bincount(np.unique(np.stack([cluster, of]), axis=1)[0], minlength=clusters)
    sums["clusters"] = clusters
    sums["coverage"] = int(covered.sum())
    sums["multi_source_rows"] = int(members[covered > 1].sum())
    sums["multi_source_tokens"] = int(tokens_in[covered > 1].sum())
    sums["products_in_clusters"] = len(np.unique(group[kept]))
    sums["products_in_mixed_clusters"] = len(np.unique(group[kept][covered[cluster] > 1]))
    sums["sizes"] = {str(k): v for k, v in sorted(Counter(members.tolist()).items())}
    sums["sources"] = {str(k): v for k, v in sorted(Counter(covered.tolist()).items())}
    return sums


def summarise(buckets: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The measures of a mixture from its buckets' sums (fields: docs/artefacts.md)."""
    plain: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    sources: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    for sums in buckets:
        plain.update({name: value for name, value in sums.items() if isinstance(value, int)})
        sizes.update({int(size): count for size, count in sums["sizes"].items()})
        sources.update({int(number): count for number, count in sums["sources"].items()})
        reasons.update(sums["reasons"])
    rows = plain["rows"] + plain["rows_without_key"]
    tokens = plain["tokens"] + plain["tokens_without_key"]
    leftover = {name: reasons[name] for name in REASONS[1:]} | {"no_key": plain["rows_without_key"]}
    return {
        "products": plain["products"],
        "clusters": plain["clusters"],
        "rows": {"total": rows, "clustered": reasons[REASONS[0]], "leftover": {k: v for k, v in sorted(leftover.items()) if v}},
        "tokens": tokens,
        "coverage": _against(plain["coverage"], plain["coverage_bound"]),
        # Each of the K clusters that fell under min_rows took at least one source with it.
        "mean_sources_per_sample": _against(
            _ratio(plain["coverage"], plain["clusters"]),
            _ratio(plain["coverage_bound"] - (plain["hands"] - plain["clusters"]), plain["clusters"]),
        ),
        "multi_source_rows": _against(plain["multi_source_rows"], plain["multi_source_rows_bound"])
        | {"share": _ratio(plain["multi_source_rows"], rows)},
        "multi_source_tokens": {
            "value": plain["multi_source_tokens"],
            "share": _ratio(plain["multi_source_tokens"], tokens),
        },
        "duplicate_rows": plain["duplicate_rows"],
        "product_coverage": {
            "any": _ratio(plain["products_in_clusters"], plain["products"]),
            "two_or_more_sources": _ratio(plain["products_in_mixed_clusters"], plain["products_of_several_sources"]),
        },
        "cluster_size_histogram": {str(size): sizes[size] for size in sorted(sizes)},
        "sources_histogram": {str(number): sources[number] for number in sorted(sources)},
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 6) if whole else 0.0


def _against(value: float, bound: float) -> dict[str, float]:
    return {"value": value, "bound": bound, "ratio": _ratio(value, bound) if bound else 1.0}
