"""Figures: equal bytes, hostile labels as text, nothing that reaches outside."""

from __future__ import annotations

import csv
import io
import itertools
import re
import warnings
import xml.etree.ElementTree as ET
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from ecomct.reporting.artefacts import Mixture, Point, Run
from ecomct.reporting.charts import MOST_POINTS, Chart, charts
from ecomct.reporting.figures import PALETTE, draw

HOSTILE = "</svg><script>alert(1)</script> $x^2$ & \"'\x00\x1b 中文"
CHARTS = [
    Chart("h", "histogram", HOSTILE, HOSTILE, (HOSTILE, "clusters"), [(2, 10), (3, 4)]),
    Chart("s", "stacked", "t", "c", ("arm", "stream", "tokens", "repeats"), [(HOSTILE, HOSTILE, 9, 1.0), ("mixed", "b", 4, 2.0)]),
    Chart("c", "curves", "t", "c", ("arm", "step", "tokens", "loss"), [(HOSTILE, 1, None, 3.0), (HOSTILE, 2, 5, float("nan"))]),
    Chart("e", "steps", "t", "c", ("arm", "step", "loss", "stderr"), [("base", 0, 3.0, 0.1), (HOSTILE, 5, 2.0, None)]),
]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_hostile_labels_are_text_in_wellformed_svg(chart: Chart) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = draw(chart)
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "style", "metadata", "image", "foreignObject"}
    # Letter by letter: not parsed as mathematics, and what XML cannot hold is replaced.
    shown = HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert shown in {"".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")}


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.kind)
def test_equal_charts_have_equal_bytes_whatever_the_users_matplotlibrc(chart: Chart) -> None:
    import matplotlib

    first = draw(chart)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert draw(chart) == first
        # Drawing leaves the settings of the program around it alone.
        assert matplotlib.rcParams["font.size"] == 30
    assert "date" not in first.lower()


def test_figures_stand_on_one_page_without_sharing_ids() -> None:
    seen: set[str] = set()
    for chart in CHARTS:
        root = ET.fromstring(draw(chart))
        mine = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
        assert not mine & seen
        seen |= mine
        for element in root.iter():
            for key, value in element.attrib.items():
                for name in re.findall(r"url\(#([^)]+)\)", value) + ([value[1:]] if key.endswith("href") else []):
                    assert name in mine


def test_colours_are_variables_with_a_fallback_and_the_ground_is_clear() -> None:
    for chart in CHARTS:
        root = ET.fromstring(draw(chart))
        styles = " ".join(element.attrib.get("style", "") for element in root.iter())
        assert "var(--c" in styles
        assert not re.findall(r"(?:fill|stroke): #\w+", styles), "a colour that dark ground cannot change"


# Simulation of full colour blindness in linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
SEEN_AS = {
    "by most": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> Any:
    """Linear RGB of #rrggbb."""
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: Any) -> Any:
    """CIE L*a*b* of linear RGB."""
    t = XYZ @ rgb / XYZ.sum(axis=1)
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, two: str) -> float:
    """WCAG contrast ratio."""
    low, high = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, two))
    return (high + 0.05) / (low + 0.05)


def test_palettes_are_readable_and_safe_for_the_colour_blind() -> None:
    style = (files("ecomct.reporting") / "templates" / "report.css").read_text(encoding="utf-8")
    light, dark = (re.findall(r"--c\d: (#\w{6});", line) for line in style.splitlines() if line.strip().startswith("--c0:"))
    grounds = re.findall(r"--ground: (#\w{6});", style)
    assert tuple(light) == PALETTE
    for palette, ground in ((light, grounds[0]), (dark, grounds[1])):
        assert len(palette) == 8
        assert min(contrast(colour, ground) for colour in palette) >= 3
        for seen in SEEN_AS.values():
            colours = [lab(np.clip(np.array(seen) @ linear(colour), 0, 1)) for colour in palette]
            apart = {(i, j): float(np.linalg.norm(colours[i] - colours[j])) for i, j in itertools.combinations(range(8), 2)}
            # A difference of 2.3 can just be seen.
            assert min(apart.values()) > 20
            assert min(distance for (_, j), distance in apart.items() if j < 5) > 25


def test_csv_reads_back_as_the_rows_that_were_drawn() -> None:
    chart = CHARTS[1]
    header, *rows = csv.reader(io.StringIO(chart.csv()))
    assert tuple(header) == chart.columns
    assert [(a, b, int(c), float(d)) for a, b, c, d in rows] == chart.rows


def run_with(**parts: Any) -> Run:
    empty: dict[str, Any] = {"ledger": None, "tokens": None, "mixture": None, "sequences": None, "training": {}, "scores": None}
    return Run(**(empty | parts))


def test_a_long_curve_is_thinned_by_means_and_keeps_its_gaps() -> None:
    points = [Point(step=step, tokens=step * 10, loss=float("nan") if step == 2001 else 1.0) for step in range(1, 4001)]
    chart = charts(run_with(training={"mixed": points}))["training-loss"]
    assert len(chart.rows) == MOST_POINTS
    assert chart.rows[-1][:3] == ("mixed", 4000, 40000)
    assert "mean of 10 logged steps" in chart.caption
    assert [row[1] for row in chart.rows if row[3] != row[3]] == [2010]
    draw(chart)


def test_histograms_are_in_the_order_of_numbers() -> None:
    mixture = Mixture.model_validate({"products": 1, "clusters": 3, "cluster_size_histogram": {"10": 1, "2": 5, "9": 2}})
    found = charts(run_with(mixture=mixture))
    assert found["cluster-sizes"].rows == [(2, 5), (9, 2), (10, 1)]
    # No data, no figure.
    assert "sources-per-sample" not in found


def test_without_artefacts_there_are_no_figures() -> None:
    assert charts(run_with()) == {}
