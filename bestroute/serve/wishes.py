"""What a request may say for itself: a dial, a model, who holds its conversation, that it wants the decision
alone, or all of it told.

By headers `x-bestroute-max-gap`, `-model`, `-session`, `-route-only`, `-explain`, or by
`metadata.bestroute`: an object, or, for clients whose metadata are texts, words such as
`explain, max_gap=0.02, model=gpt-4o, route-only`. Names have hyphens or underscores. A header goes before
metadata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any
from urllib.parse import unquote

from bestroute.query import Session
from bestroute.serve.headers import TOLD_ONLY
from bestroute.serve.refusals import Refusal

KEY = "bestroute"
_SHOWN = 100  # characters of a name that is quoted back
_NAMES = ("explain", "max_gap", "model", "route_only", "session")
_PREFIX = f"x-{KEY}-"
_YES = {True: True, False: False, "true": True, "1": True, "": True, "false": False, "0": False}


@dataclass(frozen=True)
class Wishes:
    """What a request wants otherwise than its policy says; None and False: nothing."""

    max_gap: float | None = None
    model: str | None = None
    route_only: bool = False
    explain: bool = False
    session: Session | None = None

    @property
    def as_decided(self) -> bool:
        """Whether the policy decides, as its file has it."""
        return self.max_gap is None and self.model is None


def wishes_of(headers: Mapping[str, str], metadata: Any) -> Wishes:
    """The wishes of a request. Raises Refusal, naming the place, for what cannot be one."""
    told: Any = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    said: dict[str, tuple[str, Any]] = {
        name: (f"metadata.{KEY}.{name}", value) for name, value in _in_metadata(told).items()
    }
    for header, value in headers.items():
        written = header.lower().removeprefix(_PREFIX)
        if header.lower().startswith(_PREFIX) and written not in TOLD_ONLY:
            said[_wish(header, written, header)] = (header, value)
    return Wishes(
        max_gap=_gap(*said["max_gap"]) if "max_gap" in said else None,
        model=_name(*said["model"]) if "model" in said else None,
        route_only="route_only" in said and _yes(*said["route_only"]),
        explain="explain" in said and _yes(*said["explain"]),
        session=_session(*said["session"]) if "session" in said else None,
    )


def without_wishes(body: dict[str, Any]) -> dict[str, Any]:
    """The request as it is routed and goes on: its metadata without what is for the gateway."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or KEY not in metadata:
        return body
    left = {name: value for name, value in metadata.items() if name != KEY}
    rest = {name: value for name, value in body.items() if name != "metadata"}
    return {**rest, "metadata": left} if left else rest


def _in_metadata(told: Any) -> dict[str, Any]:
    if told is None:
        return {}
    if isinstance(told, str):
        pairs = (word.partition("=") for word in told.split(",") if word.strip())
        told = {name.strip(): value.strip() for name, _, value in pairs}
    if not isinstance(told, dict):
        raise _wrong(f"metadata.{KEY}", "an object, or words with commas between")
    return {_wish(f"metadata.{KEY}", str(name)): value for name, value in told.items()}


def _wish(place: str, written: str, header: str | None = None) -> str:
    """The wish of this name. Raises Refusal for another, with the nearest where one is like it."""
    name = written.replace("-", "_")
    if name in _NAMES:
        return name
    near = get_close_matches(name, _NAMES, 1)
    known = ", ".join(_NAMES)
    if header is None:
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        told = f"metadata.{KEY} has {written[:_SHOWN]!r}{meant}; it takes {known}"
    else:
        like = (
            f"did you mean {_PREFIX + near[0].replace('_', '-')!r}?" if near else f"{_PREFIX} takes {known}"
        )
        told = f"the gateway knows no header {header[:_SHOWN]!r} ({like})"
    raise Refusal(400, told, "invalid_value", place[:_SHOWN])


def _gap(place: str, value: Any) -> float:
    try:
        gap = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        gap = float("nan")
    if not isfinite(gap):
        raise _wrong(place, "a number, in quality points")
    return gap


def _name(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(place, "the name of a model")
    return value


def _session(place: str, value: Any) -> Session:
    """As the response to the turn before had it: a model, and the tokens that its cache holds."""
    model, _, tokens = value.rpartition(";") if isinstance(value, str) else ("", "", "")
    if not model or not re.fullmatch("[0-9]{1,9}", tokens):
        raise _wrong(place, "what the response to the turn before had: MODEL;TOKENS")
    return Session(unquote(model), int(tokens))


def _yes(place: str, value: Any) -> bool:
    folded = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(folded, (bool, str)) or folded not in _YES:
        raise _wrong(place, "true or false")
    return _YES[folded]


def _wrong(place: str, wanted: str) -> Refusal:
    return Refusal(400, f"{place} must be {wanted}", "invalid_value", place)
