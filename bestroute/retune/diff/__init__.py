"""Diff: two policies side by side on the same queries. No model is asked.

shared   one router model for both, asked once
compare  the stream of pairs of decisions
changes  what they add up to
bounds   what a change may be, for CI
"""

from bestroute.retune.diff.bounds import Bound, arms_of, parse_bound
from bestroute.retune.diff.changes import Changes
from bestroute.retune.diff.compare import Pair, Sides

__all__ = ["Bound", "Changes", "Pair", "Sides", "arms_of", "parse_bound"]
