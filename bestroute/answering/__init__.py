"""From a decision to an answer: ask, see which responses agree, keep one, or go on.

request     which requests a policy allows
health/     how endpoints have behaved lately, and which may be asked now
thought     what a response says once the thinking is taken off
toolcall    the tools that it calls
sampling/   n responses of a model, from endpoints that speak the OpenAI protocol
checks/     what can be checked of a response, where the query asks for it
agreement/  what a response answers, and which responses give the same answer
selection   which response is kept, by rewards and by how many agree
demands     what the request demands of a response: what breaks it cannot win
schemas     how a JSON value breaks a JSON Schema
pick        the same of responses that are there already
sessions    which model answered a conversation last, remembered in this process
course      one query on its way through its plan: what to ask next, when to stop; pure
wire        a kept response as Chat Completions has it: message, completion, chunks
events      what a caller of a stream is told
live        one response that nothing is judged of, streamed as it comes
clock       what is left of a deadline
answer      what a request comes to: the kept response, all that led to it, and its cost
asking      the models of a step asked at once, within the time that is left
walk        the plan carried out in time and money; the only place where time passes
means       reward model, network client and sessions, opened when first needed
deciding    the requests of an event loop decided, those that wait together
completing  a request taken all the way, on an event loop
blocking    the events of a stream for a caller without an event loop
listeners   what comes of requests, counted and told to hooks
given       parts of the caller's own that cannot be used, refused where they are given

What to ask next is decided in `decision.planner`; what a kept response is worth in `artefacts.posterior`.
"""
