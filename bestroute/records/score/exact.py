"""The exact oracle: 1 where the response's answer is the record's, else 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bestroute.answering.agreement import Kind, extract_answer, kind_of, same_answer
from bestroute.errors import ScoringError
from bestroute.records.record import Record, Response
from bestroute.records.score.oracle import text_of


@dataclass(frozen=True)
class ExactOracle:
    """Compares with `record.answer`; `kind` says how, `auto` goes by the form of each right answer."""

    kind: Kind | Literal["auto"] = "auto"
    paid = False

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """1 for a response that gives the right answer, 0 for another one or none.

        Raises ScoringError where the record has no answer.
        """
        right = record.answer
        if right is None:
            raise ScoringError('the record has no "answer"; give it one, or score with another oracle')
        kind = kind_of(right) if self.kind == "auto" else self.kind
        found = [extract_answer(text_of(response), kind) for response in responses]
        return [float(text is not None and same_answer(text, right, kind)) for text in found]

    def close(self) -> None:
        """Nothing to let go of."""
