"""How endpoints have behaved lately, and which may be asked now. Time comes in; no network, no policy.

keeper     what is known of every site, shared by threads and event loops
site       one endpoint of one model: its calls under way, and what came of those before
breaker    closed, open, half-open: an immutable state, and what moves it
fault      what went wrong with a call, and what that says of the endpoint
latency    quantiles that forget
gate       a limit to what is under way, in the order of arrival
report     all of it at one moment, for people and monitors

What a decision sees of it is the value `Health` in `decision.health`.
"""

from bestroute.answering.health.fault import Fault
from bestroute.answering.health.keeper import Keeper
from bestroute.answering.health.report import EndpointReport, HealthReport
from bestroute.answering.health.site import Resting, Site

__all__ = ["EndpointReport", "Fault", "HealthReport", "Keeper", "Resting", "Site"]
