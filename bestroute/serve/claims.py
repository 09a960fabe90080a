"""What rules may see of a request: its own metadata, and those of its key, which nobody can claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bestroute.serve.keys.guard import KEY_PREFIX, Caller
from bestroute.serve.refusals import Refusal


def metadata_for(caller: Caller, body: Mapping[str, Any], place: str = "metadata") -> dict[str, Any] | None:
    """The metadata that rules look at; None where they are what the request has, unchanged.

    Raises Refusal where the request names what is a key's to say, whether keys are asked for or not.
    """
    own = body.get("metadata")
    if isinstance(own, Mapping):
        for name in own:
            if isinstance(name, str) and name.strip().lower().startswith(KEY_PREFIX):
                raise Refusal(
                    400,
                    f"names of metadata that begin with {KEY_PREFIX!r} are told by the caller's key alone",
                    "invalid_value",
                    place,
                )
    elif own is not None or not caller.metadata:
        return None
    return {**(own or {}), **caller.metadata} if caller.metadata else None
