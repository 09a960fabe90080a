"""Best-of-n sampling: ask a model for n responses.

`Sampler` is the protocol, `EndpointSampler` the one that talks to OpenAI-compatible endpoints (extra
`client`), `contenders` tells which samples may win, an `Attempt` what came of asking.
"""

from bestroute.answering.sampling.attempt import Attempt, attempt_of
from bestroute.answering.sampling.endpoint import EndpointSampler, own_settings
from bestroute.answering.sampling.values import Sample, Sampled, Sampler, Usage, contenders

__all__ = [
    "Attempt",
    "EndpointSampler",
    "Sample",
    "Sampled",
    "Sampler",
    "Usage",
    "attempt_of",
    "contenders",
    "own_settings",
]
