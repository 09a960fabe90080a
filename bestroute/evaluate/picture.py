"""What all pictures share: their file names, their colours, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bestroute.errors import InputError, require
from bestroute.files import atomic_write

FORMATS = (".png", ".svg")
TABLE = ".txt"  # in place of a picture, where there are only letters to read
BLUE, BLACK = "#0072B2", "#000000"
# Okabe and Ito's colours, which the colour-blind tell apart; styles tell them apart once more.
COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")


def check_plot(path: Path, table: bool = False) -> None:
    """Raise InputError for a file name that no plot can have, MissingExtra without matplotlib; `table`: the
    plot can also be a table, which needs nothing."""
    kinds = (*FORMATS, *([TABLE] if table else []))
    kind = path.suffix.lower()
    if kind not in kinds:
        raise InputError(f"{path}: a plot is written as {' or '.join(kinds)}; give such a name")
    if kind != TABLE:
        require("matplotlib", "plot")


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure to draw on, in inches, which is written when the block ends well, whole or not at
    all: `.svg` (the same bytes for the same drawing) or `.png`. Raises as `check_plot`."""
    check_plot(path)
    kind = path.suffix.lower()
    matplotlib = require("matplotlib", "plot")
    figures = require("matplotlib.figure", "plot")
    with matplotlib.rc_context({"svg.hashsalt": "bestroute", "svg.fonttype": "none", "font.size": 9}):
        figure = figures.Figure(figsize=(width, height), layout="constrained")
        yield figure
        with atomic_write(path) as file:
            metadata = {"Date": None} if kind == ".svg" else {"Software": None}
            figure.savefig(file, format=kind[1:], dpi=150, metadata=metadata)


def plain(text: str) -> str:
    """A text that matplotlib shows as it is: no mathematics, and no name that legends leave out."""
    shown = text.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
