"""The exact oracle: 1 where the response's answer is the record's, else 0.

Formulas that are written differently are compared by a computer algebra system where the extra `math` is
installed (`formulas`); all else is compared as `agreement` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bestroute.answering.agreement import Kind
from bestroute.answering.agreement.compare import (
    answers_of,
    formulas_of,
    is_right,
    right_answer,
    told_number,
)
from bestroute.answering.agreement.values import Answer
from bestroute.errors import ScoringError
from bestroute.records.record import Record, Response
from bestroute.records.score.formulas import Formulas
from bestroute.records.score.oracle import text_of


@dataclass(frozen=True)
class ExactOracle:
    """Compares with `record.answer`; `kind` says how, `auto` goes by the form of both answers."""

    kind: Kind | Literal["auto"] = "auto"
    _formulas: Formulas = field(default_factory=Formulas, init=False, repr=False, compare=False)
    paid = False

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """1 for a response that gives the right answer, 0 for another one or none.

        Raises ScoringError where the record has no answer.
        """
        if record.answer is None:
            raise ScoringError('the record has no "answer"; give it one, or score with another oracle')
        right = right_answer(record.answer)
        return [float(self._gives(text_of(response), right)) for response in responses]

    def close(self) -> None:
        """End the process that compares formulas."""
        self._formulas.close()

    def _gives(self, response: str, right: Answer) -> bool:
        if any(self._is_right(answer, right) for answer in answers_of(response)):
            return True
        number = told_number(response) if right.kind == "number" and self.kind != "text" else None
        return number is not None and self._is_right(number, right)

    def _is_right(self, answer: Answer, right: Answer) -> bool:
        if self.kind != "auto":
            return is_right(answer, right, self.kind)
        formulas = formulas_of(answer, right)
        return is_right(answer, right) or (formulas is not None and self._formulas.equal(*formulas))
