"""Agreement: what a response says, and whether two say the same.

kinds      the kind of an answer, by its form
extract    the answer that a response gives
compare    whether an answer is the right one
group      which responses give the same answer, whatever the right one is
likeness   whether two free texts say the same
passages   where a response says its answer
choices, numbers, literals   how each kind is read
"""

from bestroute.answering.agreement.compare import same_answer
from bestroute.answering.agreement.extract import extract_answer
from bestroute.answering.agreement.group import Checker, Grouping, group
from bestroute.answering.agreement.kinds import KINDS, Kind, kind_of

__all__ = ["KINDS", "Checker", "Grouping", "Kind", "extract_answer", "group", "kind_of", "same_answer"]
