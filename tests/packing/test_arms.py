"""Training order over several passes, and plans of several passes as samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.mixing.budget import Budget
from ecomct.packing.arms import ORDER, Packed, Plan, plan_arm, write_order
from ecomct.packing.assemble import Pieces, _planned
from ecomct.recipe.model import Blend
from ecomct.seeded import mix64, order


def packed(count: int, name: int, seed: int = 0) -> Packed:
    """A stream of `count` full sequences in seeded order."""
    identity = mix64(np.arange(count, dtype=np.uint64), name)
    shuffled = order(identity, seed, f"order {name}")
    place = np.arange(count)
    return Packed(place[shuffled] % 3, place[shuffled] // 3, np.full(count, 100), identity[shuffled])


STREAMS = {
    "domain-separate": packed(30, 1),
    "domain-mixed": packed(31, 2),
    "domain-mixed-2": packed(29, 3),
    "domain-mixed-3": packed(33, 4),
    "general-en": packed(40, 5),
    "general-zh": packed(50, 6),
}
BUDGET = Budget(3000, {"en": 3000, "zh": 3000}, [])


def domain(plan: Plan) -> list[tuple[str, int]]:
    """The domain sequences of a plan, in order."""
    found = [(plan.names[stream], int(number)) for stream, number in zip(plan.stream, plan.sequence, strict=True)]
    return [one for one in found if one[0].startswith("domain")]


def test_one_pass_is_every_sequence_once_in_order() -> None:
    for arm, stream, count in (("separate", "domain-separate", 30), ("mixed", "domain-mixed", 31)):
        plan = plan_arm(arm, STREAMS, BUDGET, Blend(), 0)  # type: ignore[arg-type]
        assert domain(plan) == [(stream, number) for number in range(count)]
    assert domain(plan_arm("general", STREAMS, BUDGET, Blend(), 0)) == []


@pytest.mark.parametrize("epochs", [2, 3])
def test_separate_repeats_its_stream_in_a_new_order(epochs: int) -> None:
    for arm in ("separate", "domain-separate"):
        found = domain(plan_arm(arm, STREAMS, BUDGET, Blend(), 0, epochs))
        passes = [[number for _, number in found[begin : begin + 30]] for begin in range(0, 30 * epochs, 30)]
        assert len(found) == 30 * epochs
        assert all(sorted(one) == list(range(30)) for one in passes), "a pass is whole before the next begins"
        assert len({tuple(one) for one in passes}) == epochs


def test_mixed_reads_its_streams_in_turn_and_general_text_follows() -> None:
    plan = plan_arm("mixed", STREAMS, BUDGET, Blend(general_per_domain=2, max_repeats=3), 0, 3)
    found = domain(plan)
    names = [name for name, _ in found]
    assert list(dict.fromkeys(names)) == ["domain-mixed", "domain-mixed-2", "domain-mixed-3"]
    assert found == [(name, number) for name in dict.fromkeys(names) for number in range(len(STREAMS[name].tokens))]
    general = np.array(plan.names)[plan.stream]
    assert abs((general == "general-en").sum() - 93) <= 1
    assert abs((general == "general-zh").sum() - 93) <= 1


def test_general_text_is_never_repeated_beyond_its_cap() -> None:
    plan = plan_arm("mixed", STREAMS, BUDGET, Blend(general_per_domain=2, max_repeats=1.5), 0, 3)
    general = np.array(plan.names)[plan.stream]
    assert [(general == f"general-{name}").sum() for name in ("en", "zh")] == [60, 60], "languages stay in their ratio"


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 39), max_size=10), st.integers(0, 9))
def test_without_some_sequences_the_others_keep_their_order(gone: set[int], seed: int) -> None:
    whole = packed(40, 7, seed)
    identity = np.sort(whole.identity)
    keep = np.array([number not in gone for number in range(40)])
    left = identity[keep][order(identity[keep], seed, "order 7")]
    assert left.tolist() == [one for one in whole.identity.tolist() if one in set(identity[keep].tolist())]


def test_the_order_file_names_the_place_of_every_sequence(tmp_path: Path) -> None:
    plan = plan_arm("mixed", STREAMS, BUDGET, Blend(), 0, 2)
    write_order(tmp_path, "mixed", plan, STREAMS)
    table = pq.read_table(tmp_path / "order/mixed.parquet")
    assert table.schema.equals(ORDER)
    for line, stream, number in zip(table.to_pylist(), plan.stream, plan.sequence, strict=True):
        one = STREAMS[plan.names[stream]]
        assert line["stream"] == plan.names[stream]
        assert (line["bucket"], line["position"]) == (one.bucket[number], one.position[number])
        assert line["identity"] == one.identity[number]


def test_a_plan_of_two_passes_with_repeated_titles(tmp_path: Path) -> None:
    """Row 5 is a title that stands first in two samples of the second pass."""
    lines = [
        (1, 10, 5, 0),
        (1, 10, 6, 0),
        (1, 11, 7, 0),
        (2, 20, 5, 0),
        (2, 20, 7, 0),
        (2, 21, 5, 0),
        (2, 21, 6, 0),
        (2, 21, 6, 1),
    ]
    columns = {name: [line[i] for line in lines] for i, name in enumerate(("epoch", "sample", "row", "piece"))}
    types = {"epoch": pa.uint16(), "sample": pa.uint64(), "row": pa.uint64(), "piece": pa.uint32()}
    plan = pa.table(
        {name: pa.array(columns[name], kind) for name, kind in types.items()} | {"home": pa.array([3] * 8, pa.uint64())}
    )
    pq.write_table(plan, tmp_path / "both.parquet")
    row, piece = np.array([5, 6, 6, 7], dtype=np.uint64), np.array([0, 0, 1, 0], dtype=np.uint32)
    nothing = np.zeros(0, dtype=np.int32)
    pieces = Pieces(row, piece, np.ones(4, bool), np.full(4, "en", object), row, nothing, np.zeros(5, dtype=np.int64))
    first, second = (_planned(tmp_path / "both.parquet", epoch, pieces) for epoch in (1, 2))
    assert (first.pieces.tolist(), first.first.tolist(), first.identity.tolist()) == ([0, 1, 3], [0, 2, 3], [10, 11])
    assert (second.pieces.tolist(), second.first.tolist(), second.identity.tolist()) == ([0, 3, 0, 1, 2], [0, 2, 5], [20, 21])
