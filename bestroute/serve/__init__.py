"""The gateway: one address for every OpenAI client, and the policy decides. Extra `serve`.

run        start, workers, signals: what `bestroute serve` does
app        which address is answered by what
chat       /v1/chat/completions, whole; `streaming` in pieces
routing    /v1/route: the decision alone
listing    /v1/models, /healthz, /readyz, /metrics
handling   what every handler shares: an id, errors, the record of a request
policies   the policies that are served, by name, each following its file
wishes     what a request may say for itself: a dial, a model, a decision alone
intake     a body, read within limits, to an object
protocol   HTTP within limits, before there is a request
refusals   errors in OpenAI's shape
headers    the decision on a response; `explaining` what led to it
entry      what is known of a request once it is over
log        entries to a file, never in a request's way; `reading` gets them back
metrics    entries to Prometheus
workers    several processes on one address
settings   what a gateway is started with

A handler is thin over `Router`: what is decided, asked and kept is elsewhere. Each worker is a process with
one event loop and one router a policy.
"""
