"""Which files a source has, and the units of work they fall into."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow.parquet as pq
import zstandard

from ecomct.errors import InputError
from ecomct.recipe.model import Recipe
from ecomct.recipe.source import Source

Format = Literal["jsonl", "csv", "tsv", "parquet"]
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_PACKED = (".gz", ".zst")
# A unit is read by one worker and is what a killed run repeats at most.
UNIT_BYTES = 32 << 20
_BLOCK = 1 << 20  # bytes looked at at a time when a file is cut
# A row's number packs source, file and line into 64 bits: see `row_number`.
MAX_SOURCES, MAX_FILES, MAX_LINES = 1 << 12, 1 << 20, 1 << 32


@dataclass(frozen=True)
class Unit:
    """A stretch of one file: bytes [start, stop) of text, or row groups [start, stop) of Parquet.

    `first_line` is the 1-based line (or row) number at which it begins; stop -1 means to the end.
    """

    source: str
    source_index: int
    file: str
    file_index: int
    path: Path
    format: Format
    start: int = 0
    stop: int = -1
    first_line: int = 1

    @property
    def name(self) -> str:
        """File-system name, unique in a run and sorted in reading order."""
        return f"{self.source_index:04d}-{self.source}-{self.file_index:06d}-{self.first_line:010d}"

    @property
    def weight(self) -> int:
        """About how many bytes there are to read: orders the work, and decides nothing else."""
        if self.stop >= 0 and self.format != "parquet":
            return self.stop - self.start
        size = self.path.stat().st_size
        return 4 * size if self.path.name.lower().endswith(_PACKED) else size


def row_number(source_index: int, file_index: int, line: int) -> int:
    """The identity of a row in every artefact: source << 52 | file << 32 | line."""
    return source_index << 52 | file_index << 32 | line


def source_files(recipe: Recipe, name: str) -> list[Path]:
    """Files of a source in the order of its paths, those of a folder or glob sorted; none twice.

    Folders are searched for known suffixes, hidden files and folders left out. The order does not
    depend on where the data lies, as it is part of a row's identity. Raises InputError where a path
    matches nothing.
    """
    source, found = recipe.sources[name], []
    for pattern in [source.path] if isinstance(source.path, str) else source.path:
        path = recipe.resolve(pattern)
        if path.is_dir():
            matches = [file for file in sorted(path.rglob("*")) if _is_table(file.relative_to(path)) and file.is_file()]
        elif path.is_file():
            matches = [path]
        else:
            matches = [file for file in _glob(recipe.resolve("."), pattern) if file.is_file()]
        if not matches:
            raise InputError(f"sources.{name}.path: nothing found at {path}; mend the path")
        found += matches
    files = list(dict.fromkeys(found))
    if len(files) > MAX_FILES:
        raise InputError(f"sources.{name}.path: {len(files)} files, at most {MAX_FILES}; join small files first")
    return files


def _is_table(path: Path) -> bool:
    """Whether a file inside a folder is meant as data: a known suffix, and not hidden (.ipynb_checkpoints, ._x.csv)."""
    return _format_of(path) is not None and not any(part.startswith(".") for part in path.parts)


def _glob(folder: Path, pattern: str) -> list[Path]:
    """Matches of the recipe's own pattern; the folder it stands in may be named like one."""
    anchor = Path(pattern).anchor
    return sorted((Path(anchor) if anchor else folder).glob(pattern[len(anchor) :]))


def _format_of(path: Path) -> Format | None:
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return _SUFFIXES.get(Path(name).suffix)


def file_format(source_name: str, source: Source, path: Path) -> Format:
    """Format of a file by the recipe or by its suffix."""
    if source.format != "auto":
        return source.format
    found = _format_of(path)
    if found is None:
        raise InputError(f"sources.{source_name}.format: unknown format of {path.name}; set format: jsonl, csv, tsv or parquet")
    return found


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked by its suffix (.gz, .zst)."""
    if path.name.lower().endswith(".gz"):
        return io.BufferedReader(gzip.open(path, "rb"))
    if path.name.lower().endswith(".zst"):
        return io.BufferedReader(_ZstdFile(path), 1 << 20)
    return open(path, "rb")


class _ZstdFile(io.RawIOBase):
    """Bytes of the frames of a .zst file. zstandard's own stream ends in silence where a file is torn; this raises."""

    def __init__(self, path: Path) -> None:
        self._packed = open(path, "rb")  # noqa: SIM115  # closed by close()
        self._frame: Any = None
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            rest = self._frame.unused_data if self._frame is not None and self._frame.eof else b""
            packed = rest or self._packed.read(1 << 17)
            whole = self._frame is None or self._frame.eof
            if not packed:
                if whole:
                    return 0
                raise EOFError("the file is cut off inside a zstd frame")
            if whole:
                # Public dumps are often packed with --long=31.
                self._frame = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
            self._ready = memoryview(self._frame.decompress(packed))
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def close(self) -> None:
        self._packed.close()
        super().close()


def source_units(recipe: Recipe, name: str) -> list[Unit]:
    """All units of a source in reading order. Cost: one pass over the bytes of large plain JSON-lines files.

    Raises InputError for a path that matches nothing, an unknown format, or a file that cannot be opened.
    """
    source, index = recipe.sources[name], list(recipe.sources).index(name)
    units: list[Unit] = []
    for number, path in enumerate(source_files(recipe, name)):
        form = file_format(name, source, path)
        whole = Unit(name, index, path.name, number, path, form)
        try:
            units += _units_of(whole)
        except OSError as error:
            raise InputError(f"sources.{name}: {path.name} cannot be opened ({error.strerror or error})") from error
    return units


def _units_of(whole: Unit) -> Iterator[Unit]:
    if whole.format == "parquet":
        yield from _parquet_units(whole)
    elif whole.format == "jsonl" and not whole.path.name.lower().endswith(_PACKED) and whole.path.stat().st_size > UNIT_BYTES:
        yield from _line_units(whole)
    else:
        yield whole


def _line_units(whole: Unit) -> Iterator[Unit]:
    """Cut a plain text file at line ends near every UNIT_BYTES, counting lines on the way."""
    start, first, lines, position = 0, 1, 0, 0
    with open(whole.path, "rb") as handle:
        while block := handle.read(_BLOCK):
            if position + len(block) - start >= UNIT_BYTES and (cut := block.rfind(b"\n")) >= 0:
                stop = position + cut + 1
                yield _part(whole, start, stop, first)
                start, first = stop, 1 + lines + block.count(b"\n", 0, cut + 1)
            lines += block.count(b"\n")
            position += len(block)
    if position > start:
        yield _part(whole, start, position, first)


def _part(whole: Unit, start: int, stop: int, first_line: int) -> Unit:
    return Unit(whole.source, whole.source_index, whole.file, whole.file_index, whole.path, whole.format, start, stop, first_line)


def _parquet_units(whole: Unit) -> Iterator[Unit]:
    try:
        metadata = pq.read_metadata(whole.path)
    except Exception as error:
        raise InputError(
            f"sources.{whole.source}: {whole.file} is not a readable Parquet file ({error}); write it anew"
        ) from error
    start, row, first, size = 0, 1, 1, 0
    for group in range(metadata.num_row_groups):
        size += metadata.row_group(group).total_byte_size
        row += metadata.row_group(group).num_rows
        if size >= UNIT_BYTES or group == metadata.num_row_groups - 1:
            yield _part(whole, start, group + 1, first)
            start, first, size = group + 1, row, 0
