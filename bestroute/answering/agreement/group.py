"""Which responses agree? Grouped by the answer they state, whatever the right one is.

Each response's answer is read by itself. What may be missing on one side, a unit say, joins an answer that
lacks it only where one unit alone occurs with that value. So no order of arrival changes a group, and no
further response ever joins two groups.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bestroute.answering.agreement.stated import stated, whole
from bestroute.answering.agreement.values import Answer

_LOG = logging.getLogger(__name__)

Same = Callable[[str, str], bool]
"""Whether two responses do the same, such as code that passes the same tests. Asked of each pair once."""

_PERCENT = ("%",)


@dataclass(frozen=True)
class Grouping:
    """Which responses agree.

    `of`: for each response the number of its group, 0 for the largest; equal numbers agree.
    """

    of: tuple[int, ...]


def group(texts: Sequence[str], same: Same | None = None) -> Grouping:
    """Group responses by the answer they state; the order in which they arrived does not matter.

    `same` decides alone where it is given, and agreement is then passed on. Responses that state no answer
    agree where they are the same text, and blank ones do. Never raises: a pair on which `same` fails does not
    agree.
    """
    distinct = sorted(set(texts))
    if same is not None:
        labels = _linked(distinct, lambda one, other: _checked(same, one, other))
    else:
        labels = dict(
            zip(distinct, labels_of([stated(text) or whole(text) for text in distinct]), strict=True)
        )
    return Grouping(_numbered([labels[text] for text in texts], texts))


def labels_of(answers: Sequence[Answer]) -> list[Hashable]:
    """A label for each answer, equal for those that agree."""
    cores = frozenset(answer.core for answer in answers)
    answers = [_in_quotes(answer, cores) for answer in answers]
    bare = {answer.core for answer in answers if answer.extra is None}
    extras: dict[Hashable, set[Hashable]] = defaultdict(set)
    for answer in answers:
        for reading in {answer, _as_share(answer)}:
            if reading.extra is not None:
                extras[reading.core].add(reading.extra)
    return [_label(_among(answer, bare), extras) for answer in answers]


def _label(answer: Answer, extras: Mapping[Hashable, Collection[Hashable]]) -> Hashable:
    """An answer with its extra; one that has none takes that of the others where they have but one."""
    others = extras.get(answer.core, ())
    extra = next(iter(others)) if answer.extra is None and len(others) == 1 else answer.extra
    return answer.core, extra


def _among(answer: Answer, bare: Collection[Hashable]) -> Answer:
    """75 % as 0.75 where another says 0.75 and none says 75, so that 75 and 0.75 are never one group."""
    share = _as_share(answer)
    return share if share.core in bare and answer.core not in bare else answer


def _in_quotes(answer: Answer, quoted: frozenset[Hashable]) -> Answer:
    """Words as the string that they are where another response has the same in quotes."""
    string = ("string", answer.written)
    wordy = answer.kind in ("text", "choice") and answer.extra is None
    return Answer(string, kind="literal") if wordy and string in quoted else answer


def _as_share(answer: Answer) -> Answer:
    """75 % as 0.75 of the whole; any other answer as it is."""
    if answer.extra != _PERCENT or not isinstance(answer.core, tuple):
        return answer
    value = answer.core[1]
    return Answer(("number", value / 100), _PERCENT, "number") if isinstance(value, Fraction) else answer


def _linked(texts: Sequence[str], same: Same) -> dict[str, Hashable]:
    """A label for each of some different texts: connected components of the pairs that are the same."""
    labels: dict[str, Hashable] = {text: text if text.strip() else "" for text in texts}
    written = [text for text in texts if text.strip()]
    for place, one in enumerate(written):
        for other in written[:place]:
            if labels[one] != labels[other] and same(other, one):
                old = labels[one]
                labels.update({text: labels[other] for text in written if labels[text] == old})
    return labels


def _checked(same: Same, one: str, other: str) -> bool:
    try:
        return bool(same(one, other))
    except Exception as error:  # the user's code, perhaps running the responses; they still must be grouped
        _LOG.warning("the checker failed, two responses count as different: %r", error)
        return False


def _numbered(labels: Sequence[Hashable], texts: Sequence[str]) -> tuple[int, ...]:
    """Group numbers: the largest group first, then by the first text in the alphabet."""
    sizes = Counter(labels)
    first: dict[Hashable, str] = {}
    for label, text in zip(labels, texts, strict=True):
        first[label] = min(first.get(label, text), text)
    order = sorted(sizes, key=lambda label: (-sizes[label], first[label]))
    number = {label: place for place, label in enumerate(order)}
    return tuple(number[label] for label in labels)
