"""One progress display for the whole program: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

# Facts go to standard output, the progress of work to standard error.
console = Console(stderr=True)
# A pipe has no width; tables there keep their columns whole.
out = Console() if sys.stdout.isatty() else Console(width=150)

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield from `items` under a bar named `label`; `total` where `len(items)` is unknown."""
    if not console.is_terminal:
        yield from items
        return
    with _bar() as bar:
        yield from bar.track(items, description=label, total=total)


@contextmanager
def counter(label: str) -> Iterator[Callable[..., None]]:
    """Yield `count(done, total, name="")` for work that reports its own progress."""
    if not console.is_terminal:
        yield lambda done, total, name="": None
        return
    with _bar() as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total, name="": bar.update(task, completed=done, total=total, description=f"{label} {name}".strip())


def show(rows: list[list[str]]) -> None:
    """Print a table: the first row names the columns; numbers stand right; rows of one cell are notes below."""
    notes = [row[0] for row in rows[1:] if len(row) == 1 < len(rows[0])]
    rows = [row for row in rows if len(row) > 1 or len(rows[0]) == 1]
    table = Table(box=SIMPLE_HEAD if out.is_terminal else ASCII2, pad_edge=False)
    for index, name in enumerate(rows[0]):
        cells = [row[index] for row in rows[1:] if index < len(row) and row[index]]
        number = bool(cells) and all(cell[:1] in "0123456789-+<" for cell in cells)
        table.add_column(name, justify="right" if number else "left", no_wrap=index == 0)
    for row in rows[1:]:
        # Text: a source may be named [red]; it is not markup.
        table.add_row(*(Text(cell) for cell in row))
    out.print(table)
    for note in notes:
        out.print(Text(f"  {note}"))


def _bar() -> Progress:
    text = TextColumn("{task.description:<22}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)
