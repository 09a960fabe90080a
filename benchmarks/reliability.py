"""Draw the reliability diagram of a posterior: what it said of a kept response, how often that was right.

    python benchmarks/reliability.py exported_models/posterior --plot reliability.svg

Ten bins of equally many states of the test queries, a line a source, from the artefact's manifest. Needs the
`plot` extra.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bestroute.artefacts.manifest import read_manifest
from bestroute.errors import BestRouteError, require

COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#0072B2")


def main() -> None:
    """Read the manifest and draw it."""
    parser = argparse.ArgumentParser(description="Reliability diagram of a posterior.")
    parser.add_argument("posterior", type=Path, help="artefact folder")
    parser.add_argument("--plot", type=Path, required=True, help=".svg or .png to write")
    options = parser.parse_args()
    try:
        measured = read_manifest(options.posterior, "posterior").metrics["test"]
        draw(measured, options.plot)
    except BestRouteError as error:
        sys.exit(f"error: {error}")


def draw(measured: dict[str, Any], path: Path) -> None:
    """Write the diagram; the same bytes for the same figures."""
    matplotlib = require("matplotlib", "plot")
    figures = require("matplotlib.figure", "plot")
    with matplotlib.rc_context({"svg.hashsalt": "bestroute", "svg.fonttype": "none", "font.size": 9}):
        figure = figures.Figure(figsize=(5.2, 4.6), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], ":", color="#7F7F7F", linewidth=1)
        for (source, part), colour in zip(measured.items(), COLOURS, strict=False):
            said, was, _ = zip(*part["reliability"], strict=True)
            words = f"{source}: {part['queries']:,} queries, error {part['ece_quality']:.3f}"
            width = 2.0 if source == "overall" else 1.0
            axes.plot(said, was, "o-", color=colour, linewidth=width, markersize=3, label=words)
        axes.set(
            xlabel="quality that the posterior expects", ylabel="quality observed", xlim=(0, 1), ylim=(0, 1)
        )
        axes.legend(frameon=False, loc="upper left")
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
