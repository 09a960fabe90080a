"""What is known of every record's scores so far: a journal, and an index of it in memory.

The index takes 16 bytes for each line of the journal, which is one for each record, or one for each response
where scores are paid for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.records.journal import Journal
from bestroute.records.record import Record, Response
from bestroute.records.score.work import Result, record_key


class Results:
    """Scores and rewards by the key of their record, kept in a journal.

    Because the key is made of what a record holds, records may be mended, added and put in another order
    between two runs: what is known of the others still counts.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._keys, self._places = array("q"), array("q")
        for place, entry in journal.places():
            self._keys.append(entry["key"])
            self._places.append(place)
        self.sort()

    def sort(self) -> None:
        """Make what was added since the last time known to `fill`."""
        keys = np.array(self._keys, np.int64)
        order = np.argsort(keys, kind="stable")
        self._sorted: NDArray[np.int64] = keys[order]
        self._order: NDArray[np.int64] = np.array(self._places, np.int64)[order]

    def add(self, results: Iterable[Result]) -> None:
        """Put results on disk, all at once."""
        kept = [result for result in results if result.scores or result.rewards]
        entries = [{"key": result.key, "scores": result.scores, "rewards": result.rewards} for result in kept]
        if entries:
            self._places.extend(self.journal.append(*entries))
            self._keys.extend(result.key for result in kept)

    def fill(self, record: Record) -> Record:
        """The record with the scores and rewards that are known of it."""
        key = record_key(record) if len(self._sorted) else 0
        first, end = (int(np.searchsorted(self._sorted, key, side)) for side in ("left", "right"))
        if first == end:
            return record
        values: dict[tuple[str, int], dict[str, Any]] = {}
        for entry in map(self.journal.read, self._order[first:end].tolist()):
            for attribute, found in (("score", entry["scores"]), ("reward", entry["rewards"])):
                for model, index, value in found:
                    values.setdefault((model, index), {})[attribute] = value

        def filled(model: str, items: tuple[Response, ...]) -> tuple[Response, ...]:
            return tuple(replace(item, **values.get((model, index), {})) for index, item in enumerate(items))

        return replace(
            record, responses={model: filled(model, items) for model, items in record.responses.items()}
        )

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *error: object) -> None:
        if self._places:
            self.journal.close()
        else:  # nothing to go on from
            self.journal.remove()
