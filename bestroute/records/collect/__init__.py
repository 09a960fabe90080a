"""From prompts to records: ask every model of a policy for n responses, and lose none that was paid for.

`Collection(plan).run()` does it: `Plan` says what is wanted, `Outcome` what became of it.
"""

from bestroute.records.collect.collection import Collection
from bestroute.records.collect.plan import Plan, choose_models
from bestroute.records.collect.values import Failure, Outcome, Progress

__all__ = ["Collection", "Failure", "Outcome", "Plan", "Progress", "choose_models"]
