"""Letters of multiple choice, as LLMs write them: `C`, `(C)`, `C. Paris`, "option C", `**C**`."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from bestroute.answering.agreement.passages import cued, lines, marked

_LETTER = re2.compile(
    r"^[\s(\[{*_`\"'$]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{)?[(\s*]*([A-Z])[\s)\]}*_`\"'$.:,;]*$"
)
_LEADING = re2.compile(
    r"^[\s(\[{*_`\"'$]*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{\(?)?([A-Z])(?:[)\]}*_`\"'$.:,;]|\s*$)"
)
_NAMED = re2.compile(
    r"(?:(?i:\boption|\bchoice|\banswer|\bselect|\bchoose|\bpick)s?(?i:\s+is|\s+would be|\s+should be)?"
    r"\s*[:=]?|答案\s*[是为:\x{ff1a}]?)[\s*_(\[{\"'`]*([A-Z])(?:[^\w'’]|$)"
)
_PARENTHESISED = re2.compile(r"\(([A-Z])\)")
_BOLD = re2.compile(r"\*\*([^*\n]{1,60})\*\*")


def is_letter(text: str) -> bool:
    """Whether a text is one capital letter, but for the marks around it."""
    return _LETTER.match(text) is not None


def letter_of(text: str) -> str | None:
    """The letter that a text is or begins with, as in `C. Paris`; None for any other text."""
    match = _LETTER.match(text) or _LEADING.match(text)
    return None if match is None else str(match.group(1))


def find_letters(text: str) -> Iterator[str]:
    """The letters that a response may mean, likeliest first."""
    yield from filter(None, map(letter_of, (*marked(text), *cued(text))))
    named = [match.group(1) for match in _NAMED.finditer(text) if match.group(1) != "I" or _ends(text, match)]
    yield from reversed(named[-1:])
    alone = [match.group(1) for line in lines(text) if (match := _LETTER.match(line))]
    yield from reversed(alone[-1:])
    bold = [match.group(1) for part in _BOLD.finditer(text) if (match := _LEADING.match(part.group(1)))]
    yield from reversed(bold[-1:])
    leading = [match.group(1) for line in lines(text)[:1] if (match := _LEADING.match(line))]
    yield from leading
    yield from [match.group(1) for match in _PARENTHESISED.finditer(text)][-1:]


def _ends(text: str, match: re2.Match) -> bool:
    """Whether an I is a letter and not the pronoun: a bracket, mark or line end follows it."""
    after = text[match.end(1) : match.end(1) + 1]
    return not after.isspace() or after == "\n"
