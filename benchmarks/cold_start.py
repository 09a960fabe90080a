"""Before any record: does a router model put easy everyday queries before hard ones, and take them for known?

    python benchmarks/cold_start.py exported_models/router [another ...]

On the queries that `bestroute init` sets a dial on, each meant to be easy, middling or hard. For each router
model: the chance that a hard query has a larger predicted gap (of one response of its first class to one of
its last) than an easy one, 0.5 being a coin, in all, in English and in other languages; the chance that each
class is predicted to be worse on it; the mean gap at each level; and the share unlike all that it knows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.retune.calibrate.everyday import EVERYDAY
from bestroute.table import number, table

LEVELS = ("easy", "middling", "hard")


def auc(values: NDArray[np.float64], levels: NDArray[np.str_]) -> float:
    """The chance that a hard query has the larger value; ties count half."""
    hard, easy = values[levels == "hard"][:, None], values[levels == "easy"][None]
    return float(np.mean((hard > easy) + 0.5 * (hard == easy)))


def row(folder: Path) -> list[str]:
    """What one router model says of the queries."""
    queries = [json.loads(line) for line in EVERYDAY.read_text("utf-8").splitlines()]
    levels = np.array([query["metadata"]["level"] for query in queries])
    english = np.array([query["metadata"]["language"] == "en" for query in queries])
    model = OnnxPredictor(folder)
    said = model.predict(model.tokenize([query["query"] for query in queries]))
    small, large = said.quality[:, 0, 0].astype(float), said.quality[:, -1, 0].astype(float)
    gap, most = large - small, model.manifest.max_novelty
    orders = [
        auc(gap, levels), auc(gap[english], levels[english]), auc(gap[~english], levels[~english]),
        auc(-small, levels), auc(-large, levels),
    ]  # fmt: skip
    means = [float(gap[levels == level].mean()) for level in LEVELS]
    unlike = None if most is None or said.novelty is None else float((said.novelty > most).mean())
    return [str(folder), *(number(value, 2) for value in (*orders, *means, unlike))]


def main(folders: list[Path]) -> None:
    """Print the table."""
    head = ["router model", "gap", "English", "other", "quality of first", "of last", *LEVELS, "unlike"]
    print(table(head, [row(folder) for folder in folders]))


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]])
