"""Answers: what a response says, and whether two say the same.

kinds      the kind of an answer, by its form
extract    the answer that a response gives
compare    whether an answer is the right one
agreement  which responses give the same answer, whatever the right one is
likeness   whether two free texts say the same
passages   where a response says its answer
choices, numbers, literals   how each kind is read
"""

from bestroute.answers.agreement import Checker, Grouping, group
from bestroute.answers.compare import same_answer
from bestroute.answers.extract import extract_answer
from bestroute.answers.kinds import KINDS, Kind, kind_of

__all__ = ["KINDS", "Checker", "Grouping", "Kind", "extract_answer", "group", "kind_of", "same_answer"]
