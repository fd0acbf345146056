"""Rows whose digests are equal: the same text in the same scope."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def first_of_equal(digest: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """For each position, the first position with the same 16 bytes. Cost: one sort."""
    halves = digest.view([("high", "<u8"), ("low", "<u8")])
    order = np.lexsort((halves["low"], halves["high"]))
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.diff(halves["high"][order]) != 0
    new[1:] |= np.diff(halves["low"][order]) != 0
    # lexsort is stable, so the first of a run is the first in row order.
    result = np.empty(len(order), dtype=np.int64)
    result[order] = order[new][np.cumsum(new) - 1]
    return result
