"""What a caller of `stream` is told before the end: chunks of the answer, how far it is, that it broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bestroute.answering.course import Taken
from bestroute.answering.sampling import Attempt, Sample, Usage


@dataclass(frozen=True)
class Chunk:
    """A piece of the answer: `data` is a Chat Completions chunk, as JSON has it, `model` the policy's name of
    who wrote it."""

    data: Mapping[str, Any]
    model: str = field(default="", compare=False)

    @property
    def text(self) -> str:
        """The text that it adds."""
        texts = ((part.get("delta") or {}).get("content") for part in self.data.get("choices") or ())
        return "".join(text for text in texts if isinstance(text, str))


@dataclass(frozen=True)
class Progress:
    """An arm, written `name@n`, is asked now (`step` is None), or was, and this came of it."""

    arm: str
    step: Taken | None = None


@dataclass(frozen=True)
class Broken:
    """The answer broke off after some of it was given; nothing follows.

    `error` says why, `sample` is what came, `attempts` are all that were made, `usage` and `cost` (US$) what
    they come to. `reference_cost`: US$ of what came at the reference's price.
    """

    error: str
    sample: Sample | None
    attempts: tuple[Attempt, ...]
    usage: Usage
    cost: float
    reference_cost: float = 0.0
