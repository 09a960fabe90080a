"""The tests: a folder for each room, with what its tests share beside them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
