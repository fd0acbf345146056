"""What a user may call a row: its number, FILE:LINE or source/key."""

from __future__ import annotations

from pathlib import PurePath

from ecomct.documents.keys import written_keys
from ecomct.errors import InputError
from ecomct.lineage.locate import Located
from ecomct.sources.files import row_number
from ecomct.stage import read_manifest


def rows_named(located: Located, name: str) -> list[int]:
    """Rows that `name` means, sorted: one number, one line of a file in each source that reads it, or all rows of a key.

    Raises InputError where there is none.
    """
    rows = _numbered(name) or _at_line(located, name)
    found = sorted({*located.documents(rows), *(reject.row for reject in located.rejects(rows))} if rows else ())
    if not found and (keys := written_keys(located.run.recipe, name)):
        found = located.rows_with(keys)
    if not found:
        raise InputError(f"{name}: the run has no such row; name a row number, FILE:LINE or source/key")
    return found


def _numbered(name: str) -> list[int]:
    # Source 0, file 0 gives numbers as small as lines; what has fewer digits may still be a key.
    return [int(name)] if name.isascii() and name.isdigit() and int(name) < 1 << 64 else []


def _at_line(located: Located, name: str) -> list[int]:
    file, colon, line = name.rpartition(":")
    if not colon or not (line.isascii() and line.isdigit()) or int(line) >= 1 << 32:
        return []
    manifest = read_manifest(located.run.documents)
    assert manifest is not None, "open_run found it"
    wanted = PurePath(file).name
    return [
        row_number(index, number, int(line))
        for index, source in enumerate(located.run.sources)
        for number, (known, _) in enumerate(manifest["inputs"]["sources"][source]["files"])
        if known == wanted
    ]
