"""Small letters alone, capital letters alone, no commas."""

from __future__ import annotations

import re

from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Demand, Verdict, holds

_SMALL = re.compile(
    r"\b(?:all|only|entirely|in|using) (?:in )?(?:lower[- ]?case|small) ?(?:letters)?\b|no capital letters"
    r"|without (?:using )?capital letters"
    r"|\ben minuscules?\b|\bminuscules uniquement|sans (?:utiliser de )?(?:lettres )?majuscules|(?:sólo|solo"
    r"|todo) (?:en |letras )?minúsculas"
    r"|\bin kleinbuchstaben\b|小文字のみ"
)
_CAPITAL = re.compile(
    r"\b(?:all|only|entirely|in|using) (?:in )?(?:capital letters|upper[- ]?case(?: letters)?"
    r"|all capital letters|all[- ]caps|caps)\b"
    r"|\ben (?:lettres )?majuscules\b|\ben mayúsculas\b|\bin großbuchstaben\b"
)
_WHOLE = re.compile(
    r"\b(?:entire|whole|full|response|answer|reply|all lowercase|letter|song|tweet|poem|english|réponse"
    r"|texte|intégralité|ensemble|respuesta"
    r"|texto|antwort|text|lyrics|story|write|should be|must be|make)\b"
)
_SOME = re.compile(
    r"\b(?:words? (?:in|with|that|written)|some|certain|keywords?|highlight|headings?|title|names?|acronym"
    r"|first letter|at least|at most|less than"
    r"|more than|fewer than|mots|palabras|times|password|snake|camel|string|function|convert|change"
    r"|transform|python|characters?)\b"
)
_COMMAS = re.compile(
    r"(?:\bno|\bwithout(?: (?:any|using(?: any)?))?|\b(?:not|don['’]t)(?: \w+){0,3}? (?:any )?"
    r"|\brefrain from (?:the use of|using)(?: any)?"
    r"|\bavoid(?: using)?(?: any)?|\bsans(?: utiliser de)?|\bpas de|\béviter (?:les|d'utiliser des)"
    r"|\bsin(?: usar)?|\bohne|\bkeine?"
    r"|ne pas (?:employer|utiliser) de|\bno (?:uses|utilices|utilizar|incluyas))\s?(?:commas?|virgules?"
    r"|comas?|kommas?)\b"
)
_CODED = re.compile(r"\b(?:list|number|column|csv|separat\w+|code)\b")
_MARKS = re.compile("[,，、]")


def read(sentence: Sentence) -> list[Demand]:
    """What a sentence asks of all letters of a response."""
    said, found = sentence.folded, []
    if _COMMAS.search(said) and not _CODED.search(said):
        found.append(Demand("commas", lambda text: holds(not _MARKS.search(text))))
    some = _SOME.search(said) is not None or not _WHOLE.search(said)
    if _SMALL.search(said) and not some:
        found.append(Demand("case", lambda text: _case(text, str.islower)))
    elif _CAPITAL.search(said) and not some:
        found.append(Demand("case", lambda text: _case(text, str.isupper)))
    return found


def _case(text: str, right: object) -> Verdict:
    return holds(text.islower() if right is str.islower else text.isupper())
