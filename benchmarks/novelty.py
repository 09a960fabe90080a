"""How many queries a router model finds novel, of known ones and of strange ones.

    python benchmarks/novelty.py ROUTER held-out.jsonl other-language.jsonl gibberish.txt

Each file is read as `bestroute dry-run` reads it; the first should hold queries like those of training that
training did not see. Prints a Markdown table: queries, the share beyond the manifest's `max_novelty`, and the
median novelty as a part of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bestroute.artefacts.predictor import OnnxPredictor
from bestroute.query import read_queries


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("router", type=Path)
    parser.add_argument("queries", type=Path, nargs="+")
    options = parser.parse_args()
    predictor = OnnxPredictor(options.router)
    most = predictor.manifest.max_novelty
    if most is None:
        parser.error(f"{options.router} cannot tell novelty: its max_novelty is null")
    print("| queries | count | novel | median novelty / max_novelty |\n|---|---:|---:|---:|")
    for path in options.queries:
        texts = [query.text for query in read_queries(path)]
        novelty = predictor.predict(predictor.tokenize(texts)).novelty
        assert novelty is not None
        ratio = np.median(novelty) / most
        print(f"| {path.name} | {len(texts)} | {np.mean(novelty > most):.1%} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
