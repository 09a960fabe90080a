"""The checks by name, and what one query asks of every response to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import re2

from bestroute.answering.checks import counts, ends, form, keywords, language, letters
from bestroute.answering.checks.asked import Sentence, sentences
from bestroute.answering.checks.values import VERDICTS, Checker, Demand, Verdict
from bestroute.answering.thought import without_thought
from bestroute.later import Later
from bestroute.query import Query

_HINT = re2.compile(
    r"(?i)word|sentence|paragraph|bullet|line|letter|comma|json|language|case|caps|capital|title|placeholder"
    r"|highlight|section"
    r"|wört|satz|sätz|mot|phrase|paragraphe|palabra|oraci|frase|párrafo|virgule|coma|puces|viñeta|majuscule"
    r"|minuscule|minúscul"
    r"|mayúscul|hashtag|exclamation|quotation|guillemet|comillas|postscript|post-scriptum|posdata|\bp\.s"
    r"|start|begin|end|finish"
    r"|french|german|spanish|english|japanese|korean|chinese|titre|langue|termin|finiss|idioma|文|字|段|句"
    r"|条|箇|行|語|语|자|문|줄|단어"
)
_LOG = logging.getLogger(__name__)
_READERS: tuple[Callable[[Sentence], list[Demand]], ...] = (
    counts.read, keywords.read, ends.read, letters.read, form.read, language.read,
)  # fmt: skip


class Checked:
    """What a query asks of a response: `checked(text)` names the checks that the text fails, once each time.

    The query is read when the first text is checked. Each text is checked once and remembered.
    """

    def __init__(self, demands: Callable[[], Iterable[Demand]]) -> None:
        self.demands = Later(demands)
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str) -> tuple[str, ...]:
        """The names of the checks that a response fails, as often as it does; none for a blank one."""
        if text not in self._known:
            said = without_thought(text) if self.demands else ""
            failed = (one.check for one in self.demands if said.strip() and _verdict(one, said) == "failed")
            self._known[text] = tuple(failed)
        return self._known[text]


class _Own:
    """A checker of the caller's own. That it gives no verdict is told once."""

    def __init__(self, checker: Checker) -> None:
        self._checker, self._told = checker, False

    def of(self, query: str, response: str) -> Verdict:
        said: object = self._checker(query, response)
        for verdict in VERDICTS:
            if isinstance(said, str) and said == verdict:
                return verdict
        if not self._told:
            self._told = True
            _LOG.warning(
                "the checker %r said %.80r, which is none of %s: not checked", self._checker, said, VERDICTS
            )
        return "unknown"


class Checks:
    """Some checks by name, and checkers of the caller's own."""

    def __init__(self, names: Iterable[str], own: Sequence[Checker] = ()) -> None:
        self._names, self._own = frozenset(names), tuple(map(_Own, own))

    def of(self, query: Query) -> Checked:
        """What the last turn of a query asks for."""
        return Checked(lambda: self._of(query.last_turn.text))

    def _of(self, text: str) -> Iterator[Demand]:
        yield from (one for one in demands_of(text) if one.check in self._names)
        yield from self._owns(text)

    def _owns(self, text: str) -> Iterator[Demand]:
        for checker in self._own:
            yield Demand("own", lambda response, checker=checker: checker.of(text, response))  # type: ignore[misc]


def demands_of(text: str) -> Iterator[Demand]:
    """All that a query asks for that can be checked."""
    if _HINT.search(text):
        for sentence in sentences(text):
            for read in _READERS:
                yield from read(sentence)
    yield from language.of_query(text)
    yield Demand("code", form.code)


def _verdict(demand: Demand, text: str) -> Verdict:
    try:
        return demand.of(text)
    except Exception as error:  # the caller's code, perhaps running the response; it still must be judged
        _LOG.warning(
            "the check %r failed on a response, which then counts as not checked: %r", demand.check, error
        )
        return "unknown"
