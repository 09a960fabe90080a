"""Best-of-n sampling: ask a model for n responses.

`Sampler` is the protocol, `EndpointSampler` the one that talks to OpenAI-compatible endpoints (extra
`client`), `contenders` tells which samples may win, an `Attempt` what came of asking.

values        what comes back; `attempt` is what the trace of an answer tells of it
endpoint      n responses, by one call or by many
tries         one call wherever the model is served, and again where that fails, when `retry_after` allows
body          what is sent: the request's fields, the policy's where it says nothing, encoded once
call          one call: sent, asked again where a field is refused, billed
upstream      one endpoint over HTTP; `connections` is the pool of an event loop, `keys` what a key goes in
streaming     one call whose response is streamed
completion    what came back: samples and errors; `content` reads a message, `stream` what came in pieces
logprobs      how sure the model was of what it wrote, where the endpoint tells
billing       what calls are billed
complaints    what an endpoint complains of; `refusals` which field it is about, `failures` how it is told
surroundings  proxies and certificates in the way
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
