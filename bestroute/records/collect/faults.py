"""What stays failed: prompts that a model does not answer, and models that are given up."""

from __future__ import annotations

from collections import Counter

from bestroute.answering.sampling import Sampled
from bestroute.records.collect.values import Failure

_PATIENCE = 5
_OF_PROMPT = (400, 413, 422)
_WORTH_A_RETRY = (408, 409, 425, 429)


def is_final(reply: Sampled) -> bool:
    """Whether asking the same again is no use."""
    return reply.status is not None and 400 <= reply.status < 500 and reply.status not in _WORTH_A_RETRY


class Faults:
    """Failures by prompt and model. A model is given up after five in a row that are not the prompts' fault
    (a wrong key, nobody there), so that a long run ends soon where its endpoint is gone."""

    def __init__(self) -> None:
        self.given_up: dict[str, str] = {}
        self._failed: dict[tuple[str, str], str] = {}
        self._in_a_row: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._failed)

    def clear_row(self, model: str) -> None:
        """The model answered."""
        self._in_a_row[model] = 0

    def add(self, prompt_id: str, model: str, reply: Sampled, *, hopeless: bool) -> None:
        """Count a prompt that stays failed; with `hopeless` its model is given up at once."""
        error = reply.errors[0] if reply.errors else "no response"
        self._failed[prompt_id, model] = error
        if reply.status not in _OF_PROMPT:
            self._in_a_row[model] += 1
        if hopeless or self._in_a_row[model] >= _PATIENCE:
            self.given_up.setdefault(model, error)

    def rule_out(self, prompt_id: str, model: str) -> bool:
        """Whether this prompt is not to be asked (any more)."""
        return model in self.given_up or (prompt_id, model) in self._failed

    def listed(self) -> tuple[Failure, ...]:
        """Every failure, in the order they came."""
        return tuple(Failure(prompt_id, model, error) for (prompt_id, model), error in self._failed.items())
