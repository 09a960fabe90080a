"""Who sends a request, as far as it says, to keep a caller with the policy that decided the last time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bestroute.policy import Canary, Policy
from bestroute.records.record import bucket

_DIGITS = 12
_PARTS = 10**6


def caller_of(body: Mapping[str, Any], policy: Policy, key: str = "") -> str:
    """A digest of who sends this: of what the canary's `by` names in the metadata, else of the name of the
    caller's `key`, else of the request's user, else of its conversation, by id or by how that begins; ""
    where there is none of these."""
    name = next(_names(body, policy, key), None)
    if name is None:
        return ""
    return hashlib.sha256(json.dumps(name, sort_keys=True).encode("ascii")).hexdigest()[:_DIGITS]


def drawn(caller: str, canary: Canary) -> bool:
    """Whether the canary decides for this caller; the same in every process, as long as its file's name and
    share stay."""
    return bucket(caller, canary.policy, _PARTS) < canary.share * _PARTS


def _names(body: Mapping[str, Any], policy: Policy, key: str) -> Iterator[Any]:
    """What a request may be known by, the surest first."""
    given = body.get("metadata")
    metadata = given if isinstance(given, Mapping) else {}
    session = policy.sampling.session
    keys = (policy.canary and policy.canary.by, session and session.id)
    by, conversation = (metadata.get(key) if key else None for key in keys)
    for value in (by, key, body.get("safety_identifier"), body.get("user"), conversation):
        if value not in (None, ""):
            yield value
    begins = _beginning(body.get("messages"))
    if begins:
        yield begins
    if isinstance(body.get("query"), str):
        yield [{"role": "user", "content": body["query"]}]


def _beginning(messages: Any) -> list[Any]:
    """The messages up to the user's first: later turns of a conversation begin with the same."""
    begun: list[Any] = []
    for message in messages if isinstance(messages, list) else ():
        begun.append(message)
        if isinstance(message, Mapping) and message.get("role") == "user":
            return begun
    return []
