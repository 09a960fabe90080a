"""Which responses agree? Grouped by the answer they give, whatever the right one is.

The kind of answer that is asked for is not known, so the responses vote on it: each counts by what it says in
a place made for an answer. Where fewer than half have such a place, it is free text, and texts agree that are
nearly the same.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bestroute.answering.agreement.choices import letter_of
from bestroute.answering.agreement.compare import normalized, one_number
from bestroute.answering.agreement.extract import extract_answer
from bestroute.answering.agreement.kinds import Kind
from bestroute.answering.agreement.likeness import alike, sketch
from bestroute.answering.agreement.literals import is_literal, literal_key
from bestroute.answering.agreement.numbers import Number
from bestroute.answering.agreement.stated import form_of, stated

_LOG = logging.getLogger(__name__)

Checker = Callable[[str, str], bool]
"""Whether two responses do the same, such as code that passes the same tests. Asked of each pair once."""

_TIES: tuple[Kind, ...] = ("literal", "number", "choice", "text")


@dataclass(frozen=True)
class Grouping:
    """Which responses agree.

    `of`: for each response the number of its group, 0 for the largest; equal numbers agree. `kind`: the kind
    of the answers that were compared; None where it was whole texts.
    """

    of: tuple[int, ...]
    kind: Kind | None


def group(texts: Sequence[str], same: Checker | None = None) -> Grouping:
    """Group responses by the answer they give; the order in which they arrived does not matter.

    `same` decides alone where it is given. A response in which no answer is found is a group of its own;
    identical ones always agree, and so do blank ones. Of a text longer than 64,000 characters the head and
    the tail are looked at. Never raises: a pair on which `same` fails does not agree.
    """
    distinct = sorted(set(texts))
    kind = None
    if same is not None:
        labels = _linked(distinct, lambda one, other: _checked(same, one, other))
    else:
        said = {text: stated(text) for text in distinct}
        kind = _voted([said[text] for text in texts if text.strip()])
        labels = _by_likeness(distinct) if kind is None else _by_answer(said, kind)
    return Grouping(_numbered([labels[text] for text in texts], texts), kind)


def _voted(said: Sequence[str | None]) -> Kind | None:
    """The kind that most answers have; None where fewer than half of the responses have one."""
    votes = Counter(form_of(answer) for answer in said if answer is not None)
    if not votes or 2 * sum(votes.values()) < len(said):
        return None
    if votes["literal"]:  # what some write in quotes, others do not
        votes["literal"] += votes.pop("text", 0)
    return max(_TIES, key=lambda kind: votes[kind])  # the first of those that tie


def _by_answer(said: dict[str, str | None], kind: Kind) -> dict[str, Hashable]:
    """A label for each text, equal where the answers are."""
    keys = {text: _key(text, place, kind) for text, place in said.items()}
    bare = {key.value for key in keys.values() if isinstance(key, Number) and not key.percent}
    return {text: _value(key, bare) if isinstance(key, Number) else key for text, key in keys.items()}


def _key(text: str, said: str | None, kind: Kind) -> Hashable:
    """What is compared of a response: a Number, a letter, a literal's value, words, or the whole of it."""
    if kind == "text" or (kind == "number" and said is not None and form_of(said) != "number"):
        found = None  # of another kind than the others: only its words can be compared
    else:
        found = extract_answer(text, kind)
    if kind == "literal" and said is None and found is not None and not is_literal(found):
        found = None
    if found is None:
        return ("words", normalized(said)) if said is not None else _whole(text)
    if kind == "number":
        return one_number(found) or _whole(text)
    return literal_key(found) if kind == "literal" else letter_of(found)


def _whole(text: str) -> Hashable:
    return ("whole", text if text.strip() else "")


def _value(number: Number, bare: Collection[Fraction]) -> Fraction:
    """A number's value among others: 75% is 0.75 only where another says 0.75 and none says 75.

    So that 75 and 0.75 are never in one group.
    """
    share = number.value / 100
    return share if number.percent and number.value not in bare and share in bare else number.value


def _by_likeness(texts: Sequence[str]) -> dict[str, Hashable]:
    sketches = {text: sketch(text) for text in texts}
    return _linked(texts, lambda one, other: alike(sketches[one], sketches[other]))


def _linked(texts: Sequence[str], same: Checker) -> dict[str, Hashable]:
    """A label for each of some different texts: connected components of the pairs that are the same."""
    labels = {text: _whole(text) for text in texts}
    written = [text for text in texts if text.strip()]
    for place, one in enumerate(written):
        for other in written[:place]:
            if labels[one] != labels[other] and same(other, one):
                old = labels[one]
                labels.update({text: labels[other] for text in written if labels[text] == old})
    return labels


def _checked(same: Checker, one: str, other: str) -> bool:
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
