"""Best-of-n sampling: ask a model for n responses, climb to the next one when it does not answer.

`Sampler` is the protocol, `EndpointSampler` the one that talks to OpenAI-compatible endpoints (extra
`client`), `sample_ladder` tries arms in order, `contenders` tells which samples may win.
"""

from bestroute.sampling.endpoint import EndpointSampler, own_settings
from bestroute.sampling.ladder import Attempt, Outcome, sample_ladder
from bestroute.sampling.values import Sample, Sampled, Sampler, Usage, contenders

__all__ = [
    "Attempt",
    "EndpointSampler",
    "Outcome",
    "Sample",
    "Sampled",
    "Sampler",
    "Usage",
    "contenders",
    "own_settings",
    "sample_ladder",
]
