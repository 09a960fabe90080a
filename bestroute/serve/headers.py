"""The decision on a response. No value can end a header or begin another: what is not plain is escaped."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import quote

from bestroute.serve.entry import Entry

TOLD_ONLY = {
    "arm", "budget-day-left", "budget-minute-left", "cause", "cost", "gap", "policy", "reference-cost",
    "request-id", "rule",
}  # fmt: skip
"""The `x-bestroute-` headers of responses that are no wishes: a caller may send them back."""
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_LONGEST = 256
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(given: str | None) -> str:
    """The caller's own id where it is a plain word, else a new one."""
    return given if given is not None and _ID.fullmatch(given) else uuid.uuid4().hex


def headers_of(entry: Entry) -> dict[str, str]:
    """The headers of a response, of what is known by now."""
    decision = entry.decision
    known: dict[str, Any] = {"request-id": entry.request_id, "policy": entry.digest or None}
    if decision is not None:
        known |= {
            "model": entry.model,
            "arm": decision.arm.label,
            "cause": decision.cause,
            "rule": decision.rule,
            "gap": decision.gap,
            "cost": entry.cost,
            "reference-cost": entry.reference_cost,
            "session": _session(entry),
        }
    told = {f"x-bestroute-{name}": _text(value) for name, value in known.items() if value is not None}
    return {**told, **entry.caller.headers}


def _session(entry: Entry) -> str | None:
    """How the conversation stands now, to hand in with its next turn; None without sessions."""
    after = None if entry.decision is None else entry.decision.session
    return None if after is None or not entry.hands_sessions else f"{entry.model};{after.cached_tokens}"


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else quote(str(value)[:_LONGEST], safe=_PLAIN)
