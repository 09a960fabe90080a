"""What a policy says to a gateway alone: what requests may say for themselves, what is tried beside."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, WithJsonSchema, model_validator

from bestroute.policy.arms import MOST_SAMPLES, Arm, Frozen, Name
from bestroute.policy.objective import Gap

REFERENCE = "reference"
"""How `shadow.ask` names the reference."""
_ARM = re.compile(r"(?P<model>.+)@(?P<n>[1-9][0-9]?)", re.DOTALL)
Share = Annotated[FiniteFloat, Field(gt=0, le=1)]


class GapBounds(Frozen):
    """Bounds on a gap, both included."""

    min: Gap = Field(default=0.0, description="the least", examples=[0.0])
    max: Gap = Field(description="the most", examples=[0.05])

    @model_validator(mode="after")
    def _spans(self) -> GapBounds:
        if self.min > self.max:
            raise ValueError(f"has min {self.min:g} above max {self.max:g}, so nothing is within")
        return self


class Overrides(Frozen):
    """What a request to the gateway may say in place of the policy."""

    max_gap: GapBounds | None = Field(
        default=None,
        description="what a request may set max_gap to; absent: nothing",
        examples=[{"min": 0.0, "max": 0.05}],
    )
    models: bool = Field(default=True, description="whether a request may name the model that answers it")


def asked_of(written: str, reference: str) -> Arm:
    """The arm that `shadow.ask` names: `reference`, or MODEL@N."""
    found = _ARM.fullmatch(written)
    if found is None:
        return Arm(model=reference)
    return Arm(model=found["model"], n=int(found["n"]))


def model_asked(written: str) -> str | None:
    """The name of the model in MODEL@N; None for the reference, and for what is neither."""
    found = _ARM.fullmatch(written)
    return None if found is None else found["model"]


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _arms(asked: tuple[str, ...]) -> tuple[str, ...]:
    for one in asked:
        found = _ARM.fullmatch(one)
        if one != REFERENCE and (found is None or int(found["n"]) > MOST_SAMPLES):
            mend = f" (write {one}@1)" if "@" not in one else ""
            raise ValueError(f"must be {REFERENCE} or MODEL@N, N from 1 to {MOST_SAMPLES}, not {one!r}{mend}")
    return asked


_ASKED = {"type": "string", "pattern": rf"^({REFERENCE}|.+@[1-9][0-9]?)$"}
_ASKED_JSON = {"anyOf": [_ASKED, {"type": "array", "items": _ASKED, "minItems": 1}]}


class Shadow(Frozen):
    """What is asked beside, in the background, for records to calibrate by; no caller sees or awaits it."""

    share: Share = Field(description="share of the requests, drawn at random", examples=[0.02])
    ask: Annotated[
        tuple[Name, ...],
        Field(min_length=1),
        BeforeValidator(_one_or_more),
        AfterValidator(_arms),
        WithJsonSchema(_ASKED_JSON),
    ] = Field(
        description="who is asked, besides whoever answers: reference, MODEL@N, or a list of these",
        examples=["reference", ["llama-3.1-8b@4", "reference"]],
    )
    budget: Annotated[FiniteFloat, Field(gt=0)] = Field(
        description="US$ that it may cost in a day (UTC), all workers together", examples=[1.0]
    )
    records: Name = Field(
        description="file that the answers are appended to as records, relative to this file",
        examples=["shadow.jsonl"],
    )


class Canary(Frozen):
    """Another policy that decides for a share of the callers."""

    policy: Name = Field(description="the other policy's file, relative to this file", examples=["next.yaml"])
    share: Share = Field(
        description="share of the callers whom it decides for, always the same ones", examples=[0.1]
    )
    by: Name | None = Field(
        default=None,
        description="key of the metadata that tells callers apart; a request's user if absent, and the "
        "conversation where it names none",
        examples=["customer"],
    )
