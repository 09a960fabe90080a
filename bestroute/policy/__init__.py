"""Policies: one YAML file becomes one frozen `Policy`, or an error that names every fault and its place.

arms           models and what they cost, and arms: what is asked of them
params         request fields of a variant
objective/     what the one dial means, whether a tier is within it, and which serves
exclusive      keys of which exactly one may stand
rules/         what is sure about a query decides before the router model: conditions, and the first match
sampling       how responses are asked for and kept: Sampling, Sessions
schema         the values: Policy, Tier
serving        what it says to a gateway alone: overrides, shadow, canary
compose        YAML text to nodes, within bounds of size; a scalar's text to its value
document       nodes to plain values, each with its line and column
wording        what pydantic found, said in words that name the mend
listed         prices as genai-prices lists them, for `price: auto` and its warnings
references     names that must agree: models, classes, artefacts
warnings       what is allowed but hardly meant
rule_warnings  the same of rules: what is hidden, what YAML made of a value, what words are found in
load           the steps above, in order
json_schema    what editors complete and check by
first          a first policy, from models and their prices
layout         a policy as people write it

How a tier is chosen by a policy is in `decision`; how a policy's dial is found is in `retune`.
"""

from bestroute.policy.load import (
    check_policy,
    load_canary,
    load_policy,
    load_to_adapt,
    parse_policy,
    read_policy,
)
from bestroute.policy.sampling import Sampling
from bestroute.policy.schema import Policy, Tier
from bestroute.policy.serving import Canary, Overrides, Shadow

__all__ = [
    "Canary",
    "Overrides",
    "Policy",
    "Sampling",
    "Shadow",
    "Tier",
    "check_policy",
    "load_canary",
    "load_policy",
    "load_to_adapt",
    "parse_policy",
    "read_policy",
]
