"""From a query to an arm or a plan, and how that is told. No network; the router model is asked, and the
clock looked at, by the first two alone.

chooser      rules, then a forecast, then a plan: the way of a query up to its decision
forecasting  what the router model says, within a time budget
candidate    each tier as it was weighed, and the Forecast that this rests on
health       what is known of models at one moment, as a value
against      what stands against an arm before the dial is asked
decider      one shot: the tiers of one policy weighed for one query, by the dial
row          an arm as the decider weighs it, with all that does not depend on the query looked up
weighing     what the tiers offer for one query, in numbers
weighed      a tier as it was weighed, which is put into words when somebody looks
holding      what prompt caches hold, and when a conversation stays with its model
order        everything that may be asked, in order of trial
told         what a plan makes of each candidate, and why one is not in it
planner      the dial asked twice: what to ask next, by what is there already
plan         which tiers are worth trying, in which order; arithmetic
decision     the Decision that leaves, and how it is told to people

Which rule matches is in `policy.rules`, whether a gap is within the dial in `policy.objective`, what a model
costs in `policy.arms`; asking is in `answering`.
"""

from bestroute.decision.candidate import (
    BY_FORECAST,
    ONLY_A_GUESS,
    TOO_DEAR,
    Candidate,
    Cause,
    Forecast,
    Objection,
    WhyNot,
)
from bestroute.decision.decider import Decider
from bestroute.decision.decision import Decision, explain, reason
from bestroute.decision.health import Health

__all__ = [
    "BY_FORECAST",
    "ONLY_A_GUESS",
    "TOO_DEAR",
    "Candidate",
    "Cause",
    "Decider",
    "Decision",
    "Forecast",
    "Health",
    "Objection",
    "WhyNot",
    "explain",
    "reason",
]
