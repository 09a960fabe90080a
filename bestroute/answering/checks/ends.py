"""How a response must begin and end, and what it must be wrapped in."""

from __future__ import annotations

import re

from bestroute.answering.checks.asked import Sentence
from bestroute.answering.checks.values import Demand, Verdict, holds

_END = re.compile(
    r"\b(?:end|finish|conclude|close|terminez|termine|finissez|concluez|termina|finaliza|concluye|beende"
    r"|ende)\b[^\ue000]*"
    r"\ue000(?P<at>\d+)\ue001|(?:last|very last) sentence of (?:your"
    r"|the) response should be \ue000(?P<be>\d+)\ue001"
    r"|最後に[^\ue000]*\ue000(?P<ja>\d+)\ue001"
)
_START = re.compile(
    r"\b(?:start|begin|commencez|débutez|empieza|comienza|beginne) (?:your|the|votre|tu|deine) (?:entire "
    r"|whole )?"
    r"(?:response|answer|reply|réponse|respuesta|antwort)\b[^\ue000]*\ue000(?P<at>\d+)\ue001"
)
_PART = re.compile(
    r"\b(?:paragraph\w*|section|sentences|lines?|items?|bullet\w*|title|each|every|postscript|post-scriptum"
    r"|paragraphe|párrafo|posdata"
    r"|absatz|poem with|starting with|begin\w* with|or)\b|段落|P\.?S"
)
_WRAPPED = re.compile(
    r"\b(?:wrap|enclose|put|surround|encadre\w*|envuelve\w*|encierra)\b.*\b(?:entire|whole|complete|full"
    r"|toute|ensemble|toda|completa)\b"
    r".*\b(?:quotation marks?|double quotes|quotes|guillemets|comillas)\b"
)
_QUOTES = '"“”„«»「」『』'
_POSTSCRIPT = re.compile(r"\b(?:postscript|post[- ]?scriptum|posdata|postdata)\b|追伸")
_MARK = re.compile(r"\bp\.\s?p\.\s?s\b|\bp\.\s?s\b|\bps\b|\bpps\b")
_FRAME = " \t\n*_" + _QUOTES + "'’."
_AFTER = ".!?。！？"


def read(sentence: Sentence) -> list[Demand]:
    """What a sentence asks of the two ends of a response."""
    return [*_phrases(sentence), *_wrapping(sentence), *_postscript(sentence)]


def _phrases(sentence: Sentence) -> list[Demand]:
    found = []
    for pattern, end in ((_END, True), (_START, False)):
        match = pattern.search(sentence.folded)
        if match and sentence.quoted and not _PART.search(sentence.folded[: match.end()]):
            phrase = _bare(sentence.whole(re.search(r"\ue000\d+\ue001\Z", sentence.text[: match.end()])[0]))  # type: ignore[index]
            if phrase:
                found.append(Demand("ends", lambda text, phrase=phrase, end=end: _at(text, phrase, end)))  # type: ignore[misc]
    return found


def _at(text: str, phrase: str, end: bool) -> Verdict:
    said = _bare(text)
    return holds(said.endswith(phrase) if end else said.startswith(phrase))


def _bare(text: str) -> str:
    """Small letters without what may stand around them: quotes, emphasis, a full stop."""
    return " ".join(text.casefold().split()).strip(_FRAME).rstrip(_AFTER).strip(_FRAME)


def _wrapping(sentence: Sentence) -> list[Demand]:
    if not _WRAPPED.search(sentence.folded):
        return []
    return [
        Demand(
            "ends", lambda text: holds(len(t := text.strip()) > 1 and t[0] in _QUOTES and t[-1] in _QUOTES)
        )
    ]


def _postscript(sentence: Sentence) -> list[Demand]:
    mark = _MARK.search(sentence.folded)
    if not (_POSTSCRIPT.search(sentence.folded) and mark):
        return []
    wanted = re.compile("".join(rf"{letter}\.?\s?" for letter in re.findall("[ps]", mark[0])), re.I)
    return [Demand("ends", lambda text: holds(wanted.search(text) is not None))]
