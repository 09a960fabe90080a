"""From prompts to records: ask every model of a policy for n responses, and lose none that was paid for.

`Collection(plan).run()` does it: `Plan` says what is wanted, `Outcome` what became of it.

plan        what is wanted
prompts     prompts as records that nobody has responded to yet
collection  the run: workers, and a clean end
asking      what is missing of one prompt, until it is there or cannot be had
pace        how fast one endpoint is asked
budget      what calls may cost, and the cap
ledger      what is paid for, in the file and in the journal beside it
faults      what stays failed
values      what a collection tells of itself
"""

from bestroute.records.collect.collection import Collection
from bestroute.records.collect.plan import Plan, choose_models
from bestroute.records.collect.values import Failure, Outcome, Progress

__all__ = ["Collection", "Failure", "Outcome", "Plan", "Progress", "choose_models"]
