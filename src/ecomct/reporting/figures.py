"""Charts drawn as SVG that reads on light and dark ground and has equal bytes for equal data.

Colours are written as CSS variables with a fallback, so that the page sets them for light and dark and
a figure that is opened alone still shows. Text stays text (CJK included) and is never mathematics.
"""

from __future__ import annotations

import io
import math
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ecomct.reporting.charts import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Eight colours, at least 3:1 on white, that stay apart under each kind of colour blindness (the tests measure
# it); the first five, which most figures need, further than the rest. The style sheet has the set for dark ground.
PALETTE = ("#4f598f", "#630811", "#29a27f", "#a55eec", "#c98000", "#551891", "#581745", "#78743a")
INK, RULE, ON_COLOUR = "#545b66", "#8b929c", "#ffffff"
# Colour, marker and dashes of each arm: they differ without colour, too, and `mixed`, the method, is the solid line.
_ARM_STYLES: dict[str, tuple[str, str, Any]] = {
    "general": (PALETTE[4], "s", (0, (1, 1.2))),
    "domain-separate": (PALETTE[2], "^", (0, (5, 2))),
    "separate": (PALETTE[0], "D", (0, (5, 1.5, 1, 1.5))),
    "mixed": (PALETTE[1], "o", "-"),
}
_OTHER_ARM: tuple[str, str, Any] = (PALETTE[3], "v", "-")
_FONTS = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
_VARIABLES = {
    **{colour: f"var(--c{index}, {colour})" for index, colour in enumerate(PALETTE)},
    INK: f"var(--fig-ink, {INK})",
    RULE: f"var(--fig-rule, {RULE})",
    ON_COLOUR: f"var(--fig-on-colour, {ON_COLOUR})",
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.35,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}
# Characters that XML cannot hold, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw(chart: Chart) -> str:
    """Draw `chart` from its rows; equal charts give equal text. About 0.1 s and some MB."""
    import matplotlib
    from cycler import cycler
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Widths come from one bundled font, so that the bytes do not depend on the fonts of the machine;
        # the reader's own fonts show the text, and CJK that the bundled font lacks is theirs to draw.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": chart.name, "axes.prop_cycle": cycler(color=PALETTE)})
        figure = Figure(figsize=_size(chart), layout="constrained")
        FigureCanvasSVG(figure)
        if chart.kind == "sources":
            _sources(figure, chart)
        else:
            _DRAWERS[chart.kind](figure.add_subplot(), chart)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _tidy(buffer.getvalue(), chart)


def _size(chart: Chart) -> tuple[float, float]:
    """Inches: two small figures stand side by side on the page, the others take its width."""
    if chart.kind == "sources":
        return 9.2, 0.9 + 2.3 * -(-len({row[0] for row in chart.rows}) // 2)
    if chart.kind == "stacked":
        return 9.2, 1.15 + 0.42 * len({row[0] for row in chart.rows})
    return (9.2, 3.5) if chart.kind == "curves" else (4.3, 2.7)


def _text(value: object) -> str:
    return _NOT_XML.sub("\ufffd", str(value))


def _histogram(axes: Axes, chart: Chart) -> None:
    places, counts = [row[0] for row in chart.rows], [row[1] for row in chart.rows]
    bars = axes.bar(places, counts, width=0.8, color=PALETTE[0])
    if len(places) <= 8:
        axes.bar_label(bars, labels=[_short(count) for count in counts], padding=2, fontsize=8)
        axes.margins(y=0.12)
    axes.set_xlabel(_text(chart.columns[0]))
    axes.set_ylabel(_text(chart.columns[1]))
    _whole_steps(axes)
    _short_counts(axes.yaxis)
    axes.grid(axis="y")


def _stacked(axes: Axes, chart: Chart) -> None:
    arms = list(dict.fromkeys(row[0] for row in chart.rows))
    streams = list(dict.fromkeys(row[1] for row in sorted(chart.rows, key=lambda row: str(row[1]))))
    largest = max(sum(row[2] for row in chart.rows if row[0] == arm) for arm in arms)
    left = dict.fromkeys(arms, 0)
    for index, stream in enumerate(streams):
        colour = PALETTE[index % len(PALETTE)]
        for arm in arms:
            tokens = sum(row[2] for row in chart.rows if row[:2] == (arm, stream))
            axes.barh(arms.index(arm), tokens, left=left[arm], height=0.62, color=colour, edgecolor="none")
            if tokens > 0.07 * largest:
                middle = left[arm] + tokens / 2
                axes.text(middle, arms.index(arm), _short(tokens), color=ON_COLOUR, ha="center", va="center", fontsize=8)
            left[arm] += tokens
    axes.set_yticks(range(len(arms)), [_text(arm) for arm in arms])
    axes.invert_yaxis()
    axes.set_xlabel("tokens")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _short_counts(axes.xaxis)
    axes.grid(axis="x")
    _legend(axes, [(stream, {"color": PALETTE[i % len(PALETTE)], "linewidth": 7}) for i, stream in enumerate(streams)])


def _curves(axes: Axes, chart: Chart) -> None:
    entries = []
    for arm in dict.fromkeys(row[0] for row in chart.rows):
        rows = [row for row in chart.rows if row[0] == arm]
        colour, _, dashes = _ARM_STYLES.get(arm, _OTHER_ARM)
        style: dict[str, Any] = {"color": colour, "linestyle": dashes}
        axes.plot([row[1] for row in rows], [_finite(row[3]) for row in rows], **style)
        entries.append((arm, style))
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss (nats a token)")
    _whole_steps(axes)
    axes.grid()
    _legend(axes, entries)


def _steps(axes: Axes, chart: Chart) -> None:
    entries: list[tuple[str, dict[str, Any]]] = []
    style: dict[str, Any]
    start = next((row for row in chart.rows if row[0] == "base"), None)
    if start is not None:
        style = {"color": RULE, "linestyle": (0, (2, 2)), "linewidth": 1.2}
        axes.axhline(start[2], **style)
        entries.append(("base", style))
    for arm in dict.fromkeys(row[0] for row in chart.rows if row[0] != "base"):
        own = [row for row in chart.rows if row[0] == arm]
        rows = [start, *own] if start is not None else own
        colour, marker, dashes = _ARM_STYLES.get(arm, _OTHER_ARM)
        style = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4.5}
        axes.plot([row[1] for row in rows], [row[2] for row in rows], **style)
        # The base's own error is drawn once for all arms, not once for each.
        errors = [row[3] or 0.0 for row in own]
        axes.errorbar([row[1] for row in own], [row[2] for row in own], errors, fmt="none", ecolor=colour, capsize=2)
        entries.append((arm, style))
    if start is not None and start[3]:
        axes.errorbar([start[1]], [start[2]], [start[3]], fmt="none", ecolor=RULE, capsize=2)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss (nats a token)")
    _whole_steps(axes)
    axes.grid()
    _legend(axes, entries, columns=3)


def _sources(figure: Figure, chart: Chart) -> None:
    """A panel an arm, a line a source and language: colour by source, dashed where the language is not the first."""
    arms, sources = (list(dict.fromkeys(row[at] for row in chart.rows)) for at in (0, 1))
    languages = sorted({row[2] for row in chart.rows}, key=lambda name: (name != "zh", name))
    dashes = {name: "-" if index == 0 else (0, (3, 1.5)) for index, name in enumerate(languages)}
    colours = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(sources)}
    columns = min(2, len(arms))
    grid = figure.subplots(-(-len(arms) // columns), columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes, arm in zip(grid, arms, strict=False):
        for source, language in dict.fromkeys(row[1:3] for row in chart.rows if row[0] == arm):
            rows = [row for row in chart.rows if row[:3] == (arm, source, language)]
            marker = "o" if len(rows) == 1 else ""
            style: dict[str, Any] = {"color": colours[source], "linestyle": dashes[language], "linewidth": 1.3, "marker": marker}
            axes.plot([row[3] for row in rows], [_finite(row[5]) for row in rows], markersize=3, **style)
        axes.set_title(_text(arm), fontsize=9, color=INK, loc="left")
        _whole_steps(axes)
        axes.grid()
    for axes in grid[len(arms) :]:
        axes.set_axis_off()
    figure.supxlabel("optimizer step", fontsize=9, color=INK)
    figure.supylabel("loss (nats a token)", fontsize=9, color=INK)
    entries: list[tuple[str, dict[str, Any]]] = [(name, {"color": colours[name]}) for name in sources]
    if len(languages) > 1:
        entries += [(name, {"color": INK, "linestyle": dashes[name]}) for name in languages]
    _legend(grid[0], entries)


_DRAWERS: dict[str, Callable[[Axes, Chart], None]] = {
    "histogram": _histogram,
    "stacked": _stacked,
    "curves": _curves,
    "steps": _steps,
}


def _legend(axes: Axes, entries: list[tuple[str, dict[str, Any]]], columns: int = 5) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **style) for _, style in entries]
    # "outside" lets the layout make room above the axes, whatever the number of lines.
    axes.figure.legend(
        handles,
        [_text(label) for label, _ in entries],
        loc="outside upper left",
        ncols=min(columns, len(entries)),
        handlelength=2.6,
        columnspacing=1.4,
    )


def _whole_steps(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))


def _short_counts(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(value: float) -> str:
    """1234567 as 1.2M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:g}"


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _tidy(svg: bytes, chart: Chart) -> str:
    """Make matplotlib's SVG fit to stand inside a page: own ids, no rules for other elements, colours by variable."""
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    used = set(re.findall(r"#([A-Za-z0-9_.-]+)", " ".join(value for e in root.iter() for value in e.attrib.values())))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for key in list(element.attrib):
            value = element.attrib.pop(key)
            if key == "id" and value not in used:
                continue
            if key == "style":
                value = re.sub(r"#[0-9a-f]{6}", lambda match: _VARIABLES.get(match[0], match[0]), value)
                value = re.sub(r"font-family: [^;]+", f"font-family: {_FONTS}", value)
            elif key == "id":
                value = f"{chart.name}-{value}"
            elif key.endswith("href"):
                value = f"#{chart.name}-{value.removeprefix('#')}"
            elif key == "clip-path":
                value = value.replace("url(#", f"url(#{chart.name}-")
            element.set(key.rpartition("}")[2], value)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    root.set("role", "img")
    root.set("aria-label", _text(chart.title))
    return ET.tostring(root, encoding="unicode") + "\n"
