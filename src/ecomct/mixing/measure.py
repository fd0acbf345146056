"""How much of a mixture is really mixed: each measure with its upper bound (value, bound, ratio)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from ecomct.mixing.rows import I64, REASONS, Clusters, Limits, Rows, Sorted, dealing_order


def measure(rows: Rows, clusters: Clusters, limits: Limits) -> dict[str, Any]:
    """Sums over one bucket's keyed rows; `summarise` turns sums of many buckets into the measures."""
    sums: dict[str, Any] = {"rows": len(rows.product), "tokens": int(rows.tokens.sum())}
    sums["reasons"] = {name: int((clusters.reason == code).sum()) for code, name in enumerate(REASONS)}
    table = dealing_order(rows)
    cluster, hands = clusters.cluster[table.order], clusters.hands[table.order]
    sums |= _bounds(table, hands, limits)

    kept = cluster >= 0
    cluster, source, group = cluster[kept], table.source[kept], table.group[kept]
    count = int(cluster.max()) + 1 if len(cluster) else 0
    members = np.bincount(cluster, minlength=count)
    tokens = np.bincount(cluster, weights=table.tokens[kept], minlength=count)
    covered = np.bincount(np.unique(np.stack([cluster, source]), axis=1)[0], minlength=count)
    mixed = covered > 1
    sums["clusters"] = count
    sums["coverage"] = int(covered.sum())
    sums["multi_source_rows"] = int(members[mixed].sum())
    sums["multi_source_tokens"] = int(tokens[mixed].sum())
    sums["products_in_clusters"] = len(np.unique(group))
    sums["products_in_mixed_clusters"] = len(np.unique(group[mixed[cluster]]))
    sums["sizes"] = {str(k): v for k, v in sorted(Counter(members.tolist()).items())}
    sums["sources"] = {str(k): v for k, v in sorted(Counter(covered.tolist()).items())}
    return sums


def _bounds(table: Sorted, hands: I64, limits: Limits) -> dict[str, int]:
    """What no clusters could exceed. Products under min_rows have no cluster."""
    can = table.size >= limits.min_rows
    first = np.cumsum(table.size) - table.size
    of_product = hands[first]
    # Into K clusters: min(n_s, K) of each source, and no more than the rows that the clusters hold.
    pair = np.flatnonzero(np.diff(table.source, prepend=-1) | np.diff(table.group, prepend=-1))
    per_pair = np.diff(np.append(pair, len(table.group)))
    of_pair = table.group[pair]
    reach = np.bincount(of_pair, weights=np.minimum(per_pair, of_product[of_pair]), minlength=len(can)).astype(np.int64)
    reach = np.minimum(reach, limits.max_rows * of_product)
    # Beside another source: every such cluster has one of the N - max n_s rows that are not of the largest source.
    mixed = np.minimum(table.size - table.largest, table.size // limits.min_rows)
    beside = np.where(can, np.minimum(table.size, limits.max_rows * mixed), 0)
    return {
        "products": len(can),
        "products_of_several_sources": int((np.bincount(of_pair, minlength=len(can)) > 1).sum()),
        "largest_product_rows": int(table.size.max(initial=0)),
        "coverage_bound": int(reach[can].sum()),
        "hands": int(of_product[can].sum()),
        "multi_source_rows_bound": int(beside.sum()),
        "multi_source_tokens_bound": _most_tokens(table, beside, limits.min_rows),
    }


def _most_tokens(table: Sorted, most: I64, min_rows: int) -> int:
    """Most tokens that `most` rows of each product can have which stand beside another source.

    All rows that are not of the largest source, and the longest of it; where too few clusters are possible to hold
    the former, the longest rows of all.
    """
    others = table.size - table.largest
    choice = np.where(table.size // min_rows < others, table.size, table.largest)
    free = table.rank < choice[table.group]
    # Rows to choose from come first, the longest first; products stay where they are, so ranks do too.
    order = np.lexsort((-table.tokens, ~free, table.group))
    taken = np.where(free, table.rank < (most - (table.size - choice))[table.group], True) & (most[table.group] > 0)
    return int(table.tokens[order][taken].sum())


def summarise(buckets: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The measures of a mixture from its buckets' sums (fields: docs/artefacts.md)."""
    plain: Counter[str] = Counter()
    sizes: Counter[int] = Counter()
    sources: Counter[int] = Counter()
    reasons: Counter[str] = Counter()
    largest, expected = 0, 0.0
    for sums in buckets:
        largest = max(largest, sums["largest_product_rows"])
        expected += sums["neighbours_of_two_sources_expected"]
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
        "multi_source_tokens": _against(plain["multi_source_tokens"], plain["multi_source_tokens_bound"])
        | {"share": _ratio(plain["multi_source_tokens"], tokens)},
        "neighbours_of_two_sources": {
            "value": _ratio(plain["neighbours_of_two_sources"], plain["neighbours"]),
            "random_order": _ratio(expected, plain["neighbours"]),
        },
        "duplicate_rows": plain["duplicate_rows"],
        "anchors": {"samples": plain["anchors"], "tokens": plain["anchor_tokens"]},
        "rescued_rows": plain["rescued_rows"],
        "largest_product_share": _ratio(largest, plain["rows"]),
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
