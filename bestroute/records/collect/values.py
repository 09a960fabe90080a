"""What a collection tells about itself, on the way and at the end. Costs are US$, times seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StoppedBy = Literal["interrupt", "max_cost"]


@dataclass(frozen=True)
class Progress:
    """How far a run is: `done` of `wanted` responses, `collected` of them by this run in `elapsed_s`.

    `spent` counts interrupted runs before this one; `paused_s` is the longest wait that an endpoint asks
    for at the moment.
    """

    done: int
    wanted: int
    collected: int
    failed: int
    spent: float
    elapsed_s: float
    paused_s: float

    @property
    def remaining_s(self) -> float | None:
        """Time to the end at this run's pace; None before the first response."""
        if not self.collected:
            return None
        return (self.wanted - self.done) * self.elapsed_s / self.collected


@dataclass(frozen=True)
class Failure:
    """A prompt that a model gave fewer responses to than asked, and the last error."""

    id: str
    model: str
    error: str


@dataclass(frozen=True)
class ModelOutcome:
    """What one model gave: responses wanted, there at the end, collected by this run; `blank`, how many there
    have nothing to read; tokens of the mean one of this collection (None: there is none), and how many of
    those were thinking, which a policy takes as the model's `thinking_tokens` (None: it was billed none).

    `given_up` is the error after which the model was asked no more; None where it was not given up.
    """

    wanted: int
    done: int
    collected: int
    blank: int
    mean_output_tokens: float | None
    mean_thinking_tokens: float | None
    given_up: str | None


@dataclass(frozen=True)
class Outcome:
    """What became of a collection. `written` tells whether the records file holds all that is paid for;
    otherwise the journal does. `spent` counts interrupted runs before this one, `cost` this run alone."""

    prompts: int
    repeats: int
    models: dict[str, ModelOutcome]
    failed: tuple[Failure, ...]
    cost: float
    spent: float
    stopped_by: StoppedBy | None
    written: bool

    @property
    def missing(self) -> int:
        """Responses that are still wanted."""
        return sum(max(0, model.wanted - model.done) for model in self.models.values())

    @property
    def complete(self) -> bool:
        """Whether every response that was wanted is there."""
        return not self.missing
