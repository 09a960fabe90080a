"""Decisions: from a prediction to an arm, and how that is told.

values   what leaves the router: Decision, Candidate; and the Forecast it rests on
decider  the arithmetic of one policy
explain  a decision in words, for people
"""

from bestroute.decision.decider import Decider
from bestroute.decision.explain import explain, reason
from bestroute.decision.values import TOO_DEAR, Candidate, Cause, Decision, Forecast

__all__ = ["TOO_DEAR", "Candidate", "Cause", "Decider", "Decision", "Forecast", "explain", "reason"]
