"""Work in a fork that is killed at a chosen moment: for the runners that are started as programs of their own."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def attempt(work: Callable[[], object], out: Path, touch: int = 0, after: float = 0.0) -> tuple[bool, int]:
    """Fork, do `work` and be killed; return whether it finished, and its touches of files under `out`.

    By SIGKILL at the n-th touch (from within: any moment around a write, rename or removal) or after a time
    (from outside: any moment at all, half-written files included); both 0: never.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        touches = 0

        def on_event(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal touches
            if arguments and isinstance(arguments[0], str | os.PathLike) and str(arguments[0]).startswith(str(out)):
                touches += 1
                if touches == touch:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(on_event)
        try:
            work()
            os.write(sender, str(touches).encode())
        finally:
            os._exit(0)
    os.close(sender)
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said = os.read(receiver, 32)
    os.close(receiver)
    assert said or os.WIFSIGNALED(status), "an attempt that was not killed failed"
    return bool(said), int(said or 0)


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
