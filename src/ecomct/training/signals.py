"""Signals that ask for a stop: noted when they come, acted on when a step ends. Imports nothing heavy."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# SIGTERM: shells, systemd, Kubernetes, Slurm at the end. SIGUSR1: what Slurm users ask for some minutes before it.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

_received = 0


def received() -> int:
    """Return the number of the last signal noted under `listening`, 0 if none came."""
    return _received


@contextmanager
def listening(also: Callable[[int], None] | None = None) -> Iterator[None]:
    """Note SIGTERM and SIGUSR1 instead of dying; `also` is called with the number (from the handler: keep it short).

    Nested uses share what was noted; the outermost forgets it at the end. Outside the main thread,
    where Python sets no handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _: FrameType | None) -> None:
        global _received
        _received = number
        if also is not None:
            also(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    outermost = all(handler in (signal.SIG_DFL, signal.SIG_IGN, None) for handler in before.values())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if outermost:
            global _received
            _received = 0
