"""The gateway: one address for OpenAI's and Anthropic's clients, and the policy decides. Extra `serve`.

run                   start and end: what `bestroute serve` does
work                  what each of its processes does
workers               several processes on one address
settings              what a gateway is started with
hangups               SIGHUP, before anybody listens to it and afterwards
app                   which address is answered by what
chat                  /v1/chat/completions: an answer as OpenAI's clients read it
messages, anthropic   /v1/messages: an answer as Anthropic's clients read it
asking, streaming     an answer in anybody's words, whole or in pieces
routing               /v1/route: the decision alone
listing, openapi      /v1/models, /openapi.json, /healthz, /readyz, /metrics
readiness             whether the models of a policy can be asked at all
page, recent          the page at / (its files in assets/), and the last requests that it shows
handling              what every handler shares: an id, errors, the record of a request
policies              the policies that are served, by name, each following its file
held                  the last texts that held, for a worker that starts anew
canaries, callers     policies that decide for some callers, and who those are
shadow, purse, kept   what is asked beside for records, what may be spent on it, and where they go
wishes                what a request may say for itself: a dial, a model, a decision alone
protocol, intake      HTTP within limits, a body within limits
refusals              errors in OpenAI's shape
headers, explaining   the decision on a response, and what led to an answer
door                  who is let in where no keys are asked for
keys/                 callers' keys: who may ask, for how much
claims, bills         what rules see of a caller; what a request may come to, and what it did
calls                 who was asked, also where nobody waited for it
entry                 what is known of a request once it is over
lines                 files that several processes add lines to
log, reading          entries to a file, never in a request's way, and back
comparing             what a canary did, by the log
metrics               entries to Prometheus
tracing, collector    entries to OpenTelemetry, where its variables name a collector

A handler is thin over `Router`: what is decided, asked and kept is elsewhere. Each worker is a process with
one event loop and one router a policy.
"""
