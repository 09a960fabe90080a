"""Names that responses stand under in records, beside those that a policy knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from bestroute.policy import Policy
from bestroute.policy.wording import did_you_mean
from bestroute.records.record import Record

_LISTED = 8


class UnknownNames:
    """Counts the records under each name that a policy has neither for a model nor for its class."""

    def __init__(self, policy: Policy) -> None:
        self.found: Counter[str] = Counter()
        self._known = {name for model in policy.models for name in (model.name, model.column)}

    def add(self, record: Record) -> None:
        """Count the names of one record."""
        self.found.update(name for name in record.responses if name not in self._known)


def told_unknown(found: Mapping[str, int], models: Iterable[str]) -> str | None:
    """What to say of so many records under such names, None for none; `models` are the policy's."""
    if not found:
        return None
    names, ordered = list(models), Counter(found).most_common()
    listed = ", ".join(f"{count} of {name!r}{did_you_mean(name, names)}" for name, count in ordered[:_LISTED])
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return f"records have responses of models that the policy does not know: {listed}{more}"
