"""Scoring: an oracle gives every response its score, the reward model its reward.

answers    what is the answer in a response, and is it the right one
oracle     the protocol; exact, command, judge, artifact are the oracles
work       the unit of work, and the Scorer that every engine runs
engines    threads of this process, or Ray
run        files of records in, files of records out, nothing lost when stopped
"""

from bestroute.score.answers import KINDS, Kind, extract_answer, kind_of, same_answer
from bestroute.score.engines import Engine, LocalEngine, RayEngine
from bestroute.score.oracle import Oracle
from bestroute.score.run import Job, Summary, score_files
from bestroute.score.work import Recipe

__all__ = [
    "KINDS",
    "Engine",
    "Job",
    "Kind",
    "LocalEngine",
    "Oracle",
    "RayEngine",
    "Recipe",
    "Summary",
    "extract_answer",
    "kind_of",
    "same_answer",
    "score_files",
]
