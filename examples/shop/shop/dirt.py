"""Planting faults: each kind on rows of its own, each counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .draw import Draw

Row = dict[str, Any]

EMOJI = ["😀", "👍", "🎉", "😂", "🥰", "🔥", "🙏", "😡", "💯", "🌿"]
PLACEHOLDERS = {"zh": ["null", "暂无", "N/A", "见详情", ""], "en": ["null", "N/A", "see description", "none", ""]}
PATHS = ["item", "news", "help", "t", "p", "live"]


class Soil:
    """Rows of one file and what has been planted in them.

    A row carries one fault at most, so every kind can be counted again from the file alone.
    """

    def __init__(self, rows: list[Row], field: str, language: str, draw: Draw) -> None:
        self.rows = rows
        self.counts: Counter[str] = Counter()
        self._field = field
        self._language = language
        self._draw = draw
        self._clean = [row for row in rows if row[field]]

    def take(self, amount: int, fits: Callable[[str], bool] = bool) -> list[Row]:
        """Return rows that carry no fault yet and will not be taken again."""
        able = [row for row in self._clean if fits(row[self._field])]
        taken = self._draw.sample(able, amount)
        if len(taken) < amount:
            raise ValueError(f"{amount} rows wanted, {len(able)} are left")
        marks = {id(row) for row in taken}
        self._clean = [row for row in self._clean if id(row) not in marks]
        return taken

    def change(self, kind: str, amount: int, edit: Callable[[str, Draw], str], fits: Callable[[str], bool] = bool) -> None:
        """Edit the text of this many clean rows."""
        for row in self.take(amount, fits):
            row[self._field] = edit(row[self._field], self._draw)
        self.counts[kind] += amount

    def fill(self, kind: str, amount: int, texts: Sequence[str]) -> None:
        """Replace the text of clean rows, the given texts in turn."""
        for number, row in enumerate(self.take(amount)):
            row[self._field] = texts[number % len(texts)]
        self.counts[kind] += amount

    def repeat(self, amount: int) -> None:
        """Repeat clean rows at drawn places."""
        for row in self.take(amount):
            self.rows.insert(self._draw.below(len(self.rows) + 1), dict(row))
        self.counts["exact_repeats"] += amount

    def common(self, emoji: int = 0, urls: int = 0, personal: int = 0, space: int = 0, wide: int = 0, entities: int = 0) -> None:
        """Plant the faults that texts of every kind have."""
        self.change("emoji", emoji, add_emoji)
        self.change("urls", urls, add_url)
        self.change("personal_data", personal, add_chinese_contact if self._language == "zh" else add_contact)
        self.change("whitespace_runs", space, add_space)
        self.change("full_width", wide, widen, lambda text: text != widen(text, self._draw))
        self.change("html_entities", entities, add_entities)


def add_emoji(text: str, draw: Draw) -> str:
    """Append one to three emoji."""
    return text + draw.choice(EMOJI) * draw.between(1, 3)


def add_url(text: str, draw: Draw) -> str:
    """Append an address under the reserved name example.com."""
    return f"{text} https://www.example.com/{draw.choice(PATHS)}/{draw.between(10000, 99999)}"


def add_space(text: str, draw: Draw) -> str:
    """Append a run of blanks, tabs and line ends, and a dot so that the run is inside the text."""
    return text + "".join(draw.choice([" ", "  ", "\t", "\n"]) for _ in range(draw.between(9, 30))) + "."


def widen(text: str, draw: Draw) -> str:
    """Write Latin letters and digits in full width (what NFKC turns back)."""
    return "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in text)


def add_entities(text: str, draw: Draw) -> str:
    """Append HTML entities, as pages that were escaped twice have them."""
    return text + draw.choice(["&nbsp;&nbsp;", "&nbsp;&amp;&nbsp;", "&nbsp;&gt;&gt;"])


def add_contact(text: str, draw: Draw) -> str:
    """Append an invented telephone number, address or order number."""
    number = draw.between(1000, 9999)
    return text + draw.choice(
        [
            f" Call me at 202-555-01{draw.between(10, 99)}.",
            f" My email is buyer{number}@example.com.",
            f" My order number is 000-{number:07d}-{draw.between(1000000, 9999999)}.",
        ]
    )


def add_chinese_contact(text: str, draw: Draw) -> str:
    """Append an invented telephone number, address or order number."""
    number = draw.between(1000, 9999)
    return text + draw.choice(
        [
            f" 我电话{phone(draw)}",
            f" 联系邮箱buyer{number}@example.com",
            f" 订单号20230000{number}{draw.between(1000, 9999)}",
            f" 微信同号{phone(draw).replace('-', '')}",
        ]
    )


def phone(draw: Draw) -> str:
    """Return an invented Chinese mobile number."""
    return f"138-0000-{draw.between(0, 9999):04d}"


def broken(lines: Sequence[bytes], amount: int, draw: Draw) -> list[bytes]:
    """Return lines cut in the middle, which no JSON reader takes."""
    cut = [line[: len(line) * draw.between(30, 80) // 100] for line in draw.sample(lines, amount)]
    return [line.decode(errors="ignore").encode() for line in cut]


def scatter(lines: list[bytes], extra: Sequence[bytes], draw: Draw) -> list[bytes]:
    """Insert extra lines at drawn places."""
    for line in extra:
        lines.insert(draw.below(len(lines) + 1), line)
    return lines
