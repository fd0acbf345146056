"""Sources and samples of tokens from run-lengths, and sequences laid out as arrays, against the plain way."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomct.packing.assemble import Pieces, input_ids
from ecomct.packing.cells import pack_samples
from ecomct.packing.layout import Samples, expand, lay_out, spans_of
from ecomct.packing.sequence import (
    NO_LANGUAGE,
    NO_SEGMENT,
    NO_SOURCE,
    SOURCE_SHIFT,
    segment_ids,
    token_languages,
    token_sources,
)
from ecomct.seeded import mix64

EOS, LENGTH = 999, 24
SEPARATOR = (7, 8)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 5), st.booleans()), max_size=12), st.integers(0, 9))
def test_sources_languages_and_segments_by_token(spans: list[tuple[int, int, bool]], padding: int) -> None:
    source: list[int] = []
    segment: list[int] = []
    rows: list[int] = []
    row_ends: list[int] = []
    segments: list[int] = []
    for index, (of, tokens, last) in enumerate(spans):
        source += [of] * tokens
        segment += [len(segments)] * tokens
        rows.append(of << SOURCE_SHIFT | index)
        row_ends.append(len(source))
        if last or index == len(spans) - 1:
            segments.append(len(source))
    record: dict[str, Any] = {
        "input_ids": [0] * (len(source) + padding),
        "rows": rows,
        "row_ends": row_ends,
        "segments": segments,
        "languages": [index % 2 for index in range(len(spans))],
    }
    languages = [index % 2 for index, (_, tokens, _) in enumerate(spans) for _ in range(tokens)]
    assert token_languages(record).tolist() == languages + [NO_LANGUAGE] * padding
    assert token_sources(record).tolist() == source + [NO_SOURCE] * padding
    assert segment_ids(record).tolist() == segment + [NO_SEGMENT] * padding
    assert [f(record).dtype for f in (token_sources, token_languages, segment_ids)] == [np.uint16, np.uint8, np.int32]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), max_size=30), st.integers(0, 99))
def test_sequences_are_written_as_piece_by_piece(clusters: list[list[int]], seed: int) -> None:
    sizes = np.array([tokens for cluster in clusters for tokens in cluster], dtype=np.int64)
    count = len(sizes)
    shuffled = np.random.default_rng(seed).permutation(count)  # samples name pieces anywhere in the bucket
    offsets = np.concatenate([[0], np.cumsum(sizes[np.argsort(shuffled)])])
    flat = np.arange(offsets[-1], dtype=np.int32)
    numbers = np.arange(count, dtype=np.uint64)
    pieces = Pieces(
        numbers, numbers.astype(np.uint32), np.ones(count, bool), np.full(count, "zh", object), numbers, flat, offsets
    )
    first = np.concatenate([[0], np.cumsum([len(cluster) for cluster in clusters])]).astype(np.int64)
    identity = mix64(np.arange(len(clusters), dtype=np.uint64), seed)
    samples = Samples(shuffled, first, identity, identity)
    spans = spans_of(samples, np.diff(offsets), len(SEPARATOR))
    tokens = np.add.reduceat(spans, first[:-1]) if count else np.zeros(0, dtype=np.int64)
    bins = pack_samples(identity, identity, tokens, LENGTH)
    layout = lay_out(samples, spans, bins, seed, "test")
    matrix = input_ids(pieces, layout, LENGTH, SEPARATOR, EOS)
    assert len(matrix) == len(bins.first) - 1

    by_first_piece = {int(shuffled[first[i]]): i for i in range(len(clusters))}
    seen = []
    for number, line in enumerate(matrix.tolist()):
        low, high = layout.piece_first[number : number + 2].tolist()
        ids: list[int] = []
        place = low
        while place < high:
            sample = by_first_piece[int(layout.pieces[place])]
            seen.append(sample)
            members = shuffled[first[sample] : first[sample + 1]].tolist()
            for index, piece in enumerate(members):
                ids += flat[offsets[piece] : offsets[piece + 1]].tolist()
                ids += [EOS] if index == len(members) - 1 else SEPARATOR
                assert int(layout.ends[place + index]) == len(ids)
            place += len(members)
        assert line == ids + [EOS] * (LENGTH - len(ids))
        assert layout.length[number] == len(ids)
        inside = layout.ends[layout.last[layout.sample_first[number] : layout.sample_first[number + 1]]]
        assert inside[-1] == len(ids)
    assert sorted(seen) == list(range(len(clusters))), "every sample once"
    assert (np.diff(layout.identity.astype(object)) > 0).all()


def test_expand() -> None:
    assert expand(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert expand(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)).tolist() == []
