"""One progress display for the whole program: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# Facts go to standard output, the progress of work to standard error.
console = Console(stderr=True)
out = Console()

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield from `items` under a bar named `label`; `total` where `len(items)` is unknown."""
    if not console.is_terminal:
        yield from items
        return
    text = TextColumn("{task.description:<22}")
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(items, description=label, total=total)
