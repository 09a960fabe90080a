"""Which requests can be completed under a policy."""

from __future__ import annotations

from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.query import Query


def check_allowed(query: Query, policy: Policy) -> None:
    """Raise InputError, naming each field, where a request sets what the policy forbids."""
    forbidden = [name for name in policy.sampling.forbid or () if name in query.fields]
    if forbidden:
        raise InputError(
            f"{', '.join(forbidden)}: a request may not set {'it' if len(forbidden) == 1 else 'them'}, "
            f"says sampling.forbid of {policy.path}",
            forbidden[0],
        )
