"""Read `logprobs` of a choice, as Chat Completions has them: how sure the model was of what it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from bestroute.artefacts.sureness import MOST, UNKNOWN, Sureness


def read_sureness(logprobs: Any) -> Sureness:
    """How sure the model was, by `{"content": [{"logprob", "top_logprobs"}, ...]}`; what is of another shape
    says nothing. A margin needs the likeliest other token beside the one that was written."""
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    read = [one for one in map(_read, tokens)] if isinstance(tokens, list) else []
    known = [one for one in read if one is not None]
    if not known or len(known) < len(read):
        return UNKNOWN
    margins = [margin for _, margin in known if margin is not None]
    return Sureness(
        round(sum(logprob for logprob, _ in known) / len(known), 4),
        round(min(margins), 4) if len(margins) == len(known) else None,
    )


def _read(token: Any) -> tuple[float, float | None] | None:
    """The log probability of a token, and its margin where another is named; None for what is no token."""
    written = _logprob(token)
    if written is None:
        return None
    other = max(_others(token), default=None)
    return written, None if other is None else written - other


def _others(token: Mapping[str, Any]) -> Iterator[float]:
    tops = token.get("top_logprobs")
    for top in tops if isinstance(tops, list) else ():
        logprob = _logprob(top)
        if logprob is not None and top.get("token") != token.get("token"):
            yield logprob


def _logprob(token: Any) -> float | None:
    """Bounded; None where it is no number."""
    value = token.get("logprob") if isinstance(token, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or isnan(value):
        return None
    return min(0.0, max(-MOST, float(value)))
