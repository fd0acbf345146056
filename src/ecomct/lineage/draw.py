"""The cluster drawn: rows as nodes, tied by the keys they share; in text for a terminal, as SVG for a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ecomct.lineage.explain import Explained

# A colour a source, by its order in the sample; from the palette of the report, dark enough for white text.
_COLOURS = ("#1b6ca8", "#b3541e", "#2e7d4f", "#7a3e9d", "#a32e4a", "#566573", "#8a6d00", "#0e7c86")
_ROW, _LEFT, _RIGHT, _WIDTH = 44, 230, 330, 900


def shared_keys(one: Explained) -> dict[str, list[int]]:
    """Keys of a sample's rows -> positions of the rows that have it: most rows first, then by name."""
    found: dict[str, list[int]] = {}
    for position, part in enumerate(one.parts):
        for key in part.document.keys:
            found.setdefault(key, []).append(position)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def tree(one: Explained) -> list[str]:
    """The sample as text: each row once, under the first key by which it hangs together with others."""
    keys, drawn, lines = shared_keys(one), set(), []
    for key, positions in keys.items():
        mine = [position for position in positions if position not in drawn]
        if not mine:
            continue
        lines.append(key)
        for position in mine:
            others = [other for other in one.parts[position].document.keys if other != key and len(keys[other]) > 1]
            branch = "└─" if position == mine[-1] else "├─"
            also = f"  also {', '.join(others)}" if others else ""
            lines.append(f"{branch} {position + 1:>2} {one.parts[position].document.source}{also}")
            drawn.add(position)
    return lines + [
        f"── {position + 1:>2} {part.document.source}  no key" for position, part in enumerate(one.parts) if position not in drawn
    ]


def svg(one: Explained) -> str:
    """The sample as SVG: keys on the left, rows on the right in their order, a line where a row has a key."""
    keys = list(shared_keys(one).items())
    sources = list(dict.fromkeys(part.document.source for part in one.parts))
    height = _ROW * max(len(one.parts), len(keys), 1) + 80
    title = escape(f"{one.arm} {one.sequence}:{one.segment}, tokens {one.start} to {one.end}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' font-family="sans-serif" font-size="13" role="img" aria-label="{title}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="30" font-size="15" font-weight="bold" fill="#222">{title}</text>',
    ]
    rows = [_middle(position, len(one.parts), height) for position in range(len(one.parts))]
    for number, (_, positions) in enumerate(keys):
        at = _middle(number, len(keys), height)
        for position in positions:
            colour = _COLOURS[sources.index(one.parts[position].document.source) % len(_COLOURS)]
            bend = (_LEFT + _RIGHT) // 2
            path = f"M{_LEFT} {at}C{bend} {at} {bend} {rows[position]} {_RIGHT} {rows[position]}"
            lines.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for number, (key, _) in enumerate(keys):
        lines += _box(20, _middle(number, len(keys), height), _LEFT - 20, "#333333", [key])
    for position, part in enumerate(one.parts):
        colour = _COLOURS[sources.index(part.document.source) % len(_COLOURS)]
        label = f"{position + 1}  {part.document.source}  [{part.start}, {part.end})"
        lines += _box(_RIGHT, rows[position], _WIDTH - _RIGHT - 20, colour, [label, " ".join(part.document.text.split())])
    return "\n".join([*lines, "</svg>"]) + "\n"


def _middle(position: int, of: int, height: int) -> int:
    """Vertical centre of one of `of` boxes, spread over the drawing."""
    return 60 + int((height - 80) * (position + 0.5) / of)


def _box(x: int, middle: int, width: int, colour: str, texts: Sequence[str]) -> list[str]:
    """A box with one or two lines of text, cut to its width."""
    lines = [f'<rect x="{x}" y="{middle - 19}" width="{width}" height="38" rx="6" fill="{colour}"/>']
    for number, text in enumerate(texts):
        y = middle + 5 + (0 if len(texts) == 1 else 17 * number - 8)
        lines.append(f'<text x="{x + 10}" y="{y}" fill="#ffffff">{escape(_fitted(text, width - 20))}</text>')
    return lines


def _fitted(text: str, width: int) -> str:
    """Text cut to about `width` pixels: a Chinese character is a square, a Latin one about half of it."""
    text = "".join(character if character.isprintable() else " " for character in text)
    for position, character in enumerate(text):
        width -= 14 if ord(character) > 0x2E80 else 8
        if width < 0:
            return text[:position] + "…"
    return text
