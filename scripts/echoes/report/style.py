"""How the figures look: for print, for readers who see colours differently, and always the same."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echoes.io.files import StrPath, atomic_path

#: Colours that readers with any colour vision tell apart: M. Okabe and K. Ito, "Color Universal
#: Design" (2008), https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
#: Of an experiment, of its twin on a shuffled network, and of a baseline.
EXPERIMENT, TWIN, BASELINE = COLOURS[0], COLOURS[1], "#7A7A7A"
#: Of lines that say what no skill would reach.
CHANCE = "#9A9A9A"
#: Width of a page of a journal in inches: 183 mm.
PAGE = 7.2
#: Formats of a figure for papers; PDF and SVG have their text as text.
FORMATS = ("pdf", "svg", "png")

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    # Figures name their layout, and only that.
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 7.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    # Names of parts of an SVG follow from this text and from what they draw, not from chance.
    "svg.hashsalt": "echoes",
    # Names come from files: a dollar sign in a name must not start a formula.
    "text.parse_math": False,
    "xtick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.labelsize": 7,
    "ytick.major.width": 0.6,
}
#: Without a date, the same figure has the same bytes.
_METADATA: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def style() -> AbstractContextManager[None]:
    """Style of all figures, within a `with`; they are drawn and saved in it."""
    return mpl.rc_context(_STYLE)


def save(figure: Figure, paths: Iterable[StrPath], *, dpi: int = 300) -> None:
    """Write a figure, whole or not at all; the ending of a path says the format.

    Where everything stands is found once, for the first format.

    Parameters
    ----------
    figure
        The figure.
    paths
        Paths that end in pdf, svg or png.
    dpi
        Dots per inch of a png, and of the images within the others.
    """
    # It lists the glyphs of every font in a PDF.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    for each in paths:
        with atomic_path(each) as path:
            kind = path.suffix.removeprefix(".")
            figure.savefig(path, dpi=dpi, metadata=_METADATA.get(kind))
        # Finding it again takes as long as drawing.
        figure.set_layout_engine(None)


def short(name: str, length: int = 28) -> str:
    """Cut a long name off for a label."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def panels(count: int, columns: int = 4) -> tuple[int, int]:
    """Rows and columns for a number of panels, as even as can be."""
    rows = -(-count // columns)
    return rows, -(-count // rows)


def draw_reference(axes: Axes, value: float, *, upright: bool = True) -> None:
    """Draw the line of what no skill would reach."""
    line = axes.axvline if upright else axes.axhline
    line(value, color=CHANCE, linewidth=0.8, zorder=0)


def colours_of(names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Give each name a colour and a marker; after seven the colours repeat with other markers."""
    return {
        name: (COLOURS[i % len(COLOURS)], MARKERS[(i + i // len(COLOURS)) % len(MARKERS)])
        for i, name in enumerate(names)
    }
