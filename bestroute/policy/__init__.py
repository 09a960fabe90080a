"""Policies: one YAML file becomes one frozen `Policy`, or an error that names every fault and its place.

schema      the values: Policy, Tier, Sampling
document    YAML text to plain values, each with its line and column
wording     what pydantic found, said in words that name the mend
references  names that must agree: models, classes, artefacts
warnings    what is allowed but hardly meant
load        the steps above, in order
json_schema what editors complete and check by
first       a first policy, from models and their prices
layout      a policy as people write it
"""

from bestroute.policy.load import check_policy, load_policy, parse_policy, read_policy
from bestroute.policy.schema import Policy, Sampling, Tier

__all__ = ["Policy", "Sampling", "Tier", "check_policy", "load_policy", "parse_policy", "read_policy"]
