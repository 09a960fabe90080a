"""Oracle: how good is a response? One method, 0 to 1; each oracle is a module beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bestroute.query import Query
from bestroute.records.record import Record, Response


class Oracle(Protocol):
    """Scores responses. Safe to share between threads.

    `paid`: whether a score costs so much that each one is kept as soon as it is there, and that many are
    asked for at once.
    """

    paid: bool

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """One score, 0 to 1, for each of some responses of one model of the record; all have a text.

        Raises ScoringError where there is none to be had; the responses then stay without.
        """
        ...

    def close(self) -> None:
        """Let go of connections and processes; calls under way fail."""
        ...


def query_of(record: Record) -> Query:
    """The record's query. Raises InputError where its messages are none."""
    return Query.of(record.asked)


def text_of(response: Response) -> str:
    """The response's text, which scoring has made sure of."""
    return response.text or ""
