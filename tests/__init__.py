"""The tests: a folder for each room, with what its tests share beside them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Read when numpy and torch are loaded: their threads spin while they wait for one another, and the workers
# of pytest-xdist, and what the tests start, have the cores to themselves as it is.
os.environ.setdefault("OMP_NUM_THREADS", "1")
