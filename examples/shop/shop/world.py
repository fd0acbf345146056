"""General text as files: WuDao-like in Chinese, RefinedWeb-like in English."""

from __future__ import annotations

from pathlib import Path

from . import counts, people
from .dirt import PLACEHOLDERS, Row, Soil, broken, scatter
from .draw import Draw
from .files import json_line, write_lines
from .prose import pieces

Report = dict[str, dict[str, int]]


def write(folder: Path, seed: int) -> Report:
    """Write both files; return the faults planted in each."""
    return {
        "general_zh.jsonl.gz": _chinese(folder, Draw(seed, "general/zh")),
        "general_en.jsonl.gz": _english(folder, Draw(seed, "general/en")),
    }


def _chinese(folder: Path, draw: Draw) -> dict[str, int]:
    rows: list[Row] = [
        {"id": 700001 + number, "title": piece.title, "content": piece.text, "dataType": piece.sort}
        for number, piece in enumerate(pieces("zh", counts.GENERAL["zh"], draw))
    ]
    soil = Soil(rows, "content", "zh", draw)
    soil.fill("placeholders", 5, PLACEHOLDERS["zh"])
    soil.common(urls=8, personal=4, space=6, wide=4, entities=8)
    soil.repeat(12)
    write_lines(folder / "general_zh.jsonl.gz", map(json_line, rows))
    return dict(soil.counts)


def _english(folder: Path, draw: Draw) -> dict[str, int]:
    rows: list[Row] = []
    for number, piece in enumerate(pieces("en", counts.GENERAL["en"], draw)):
        slug = "-".join("".join(char if char.isalnum() else " " for char in piece.title.lower()).split())
        rows.append(
            {
                "content": f"{piece.title}\n{piece.text}",
                "url": f"https://{piece.sort}.example.org/{number + 1}/{slug}",
                "timestamp": people.moment(draw).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "dump": f"EXAMPLE-2023-{draw.between(10, 50)}",
                "segment": f"{draw.between(1, 99):02d}",
                "image_urls": [],
            }
        )
    soil = Soil(rows, "content", "en", draw)
    soil.fill("placeholders", 5, PLACEHOLDERS["en"])
    soil.common(urls=10, personal=5, space=6, entities=8)
    soil.repeat(15)
    lines = [json_line(row) for row in rows]
    soil.counts["malformed_lines"] = 2
    write_lines(folder / "general_en.jsonl.gz", scatter(lines, broken(lines, 2, draw), draw))
    return dict(soil.counts)
