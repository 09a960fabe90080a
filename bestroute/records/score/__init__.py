"""Scoring: an oracle gives every response its score, the reward model its reward.

oracle     the protocol; exact, command, judge, artifact are the oracles
formulas   whether two formulas are equal, for exact; verdicts: what a judge said
work       the unit of work, and the Scorer that every engine runs
engines    threads of this process, or Ray
results    what is known of every record so far: a journal
run        files of records in, files of records out, nothing lost when stopped
"""

from bestroute.records.score.engines import Engine, LocalEngine, RayEngine
from bestroute.records.score.oracle import Oracle
from bestroute.records.score.run import Job, Summary, score_files
from bestroute.records.score.work import Recipe

__all__ = [
    "Engine",
    "Job",
    "LocalEngine",
    "Oracle",
    "RayEngine",
    "Recipe",
    "Summary",
    "score_files",
]
