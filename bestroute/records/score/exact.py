"""The exact oracle: 1 where the response's answer is the record's, else 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bestroute.answering.agreement import Kind
from bestroute.answering.agreement.compare import answers_of, is_right, right_answer
from bestroute.errors import ScoringError
from bestroute.records.record import Record, Response
from bestroute.records.score.oracle import text_of


@dataclass(frozen=True)
class ExactOracle:
    """Compares with `record.answer`; `kind` says how, `auto` goes by the form of both answers."""

    kind: Kind | Literal["auto"] = "auto"
    paid = False

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """1 for a response that gives the right answer, 0 for another one or none.

        Raises ScoringError where the record has no answer.
        """
        if record.answer is None:
            raise ScoringError('the record has no "answer"; give it one, or score with another oracle')
        right = right_answer(record.answer)
        kind = None if self.kind == "auto" else self.kind
        return [
            float(any(is_right(answer, right, kind) for answer in answers_of(text_of(response))))
            for response in responses
        ]

    def close(self) -> None:
        """Nothing to let go of."""
