"""The one place that knows where units of work are computed.

Stages hand over independent units and a module-level function; results come back in the order of the
units. Bytes on disk never depend on this module: a unit writes its own files, named by its identity.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from ecomct.errors import InputError

U = TypeVar("U")
R = TypeVar("R")


def map_units(function: Callable[[U], R], units: Sequence[U], workers: int) -> Iterator[R]:
    """Yield `function(unit)` for each unit, in order.

    One worker computes in this process; more use that many child processes, which end with this one
    even if it is killed. `function` and units must be picklable (module-level function, partial).
    """
    if workers <= 1 or len(units) <= 1:
        yield from map(function, units)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(units)), mp_context=context, initializer=_end_with_parent)
    try:
        yield from pool.map(function, units)
    except BrokenProcessPool as error:
        raise InputError("a worker process was killed (out of memory?); run again to continue, with fewer --workers") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Stop this worker as soon as its parent is gone, so that a rerun never meets an old writer."""
    # Each worker is one thread of the plan; the encoders' own threads would multiply them.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
