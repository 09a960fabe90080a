"""Where a sentence ends: not after an abbreviation, an initial or inside a number."""

from __future__ import annotations

import re

from bestroute.answering.agreement.words import word_set

_STOP = re.compile(r"(?:[.?]|(?<![\d)])!)(?=[\s\"'”’)*_]|$)|[。！？｡]")
_ABBREVIATIONS = word_set("""
dr mr mrs ms st ste prof jr sr mt ft vs etc approx ca cf ph capt col gen lt sgt rev hon gov sen rep
inc ltd co corp dept univ jan feb apr jun jul aug sep sept oct nov dec ave blvd rd nr bzw usw mio
mrd tsd ing mme mlle
""")
# What begins a sentence of its own after a letter: "The answer is B. This is so because ..."
_OPENERS = word_set("""
this that these the it its it's he she they we i you here there because since so thus therefore
hence as if in on for to by explanation reason reasoning note however also although while when let
hope please both all each other option options choice answer
""")
_NUMBERED = word_set("no nos nr fig eq vol p pp ch art sec room")
_OPTION_WORDS = 6
_LONGEST = 300  # characters of a line that are looked at
_INITIALS = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")  # U.S, Ph.D


def first_sentence(text: str) -> str:
    """The text up to the full stop that ends its first sentence."""
    for match in _STOP.finditer(text):
        if match.group() != "." or _ends(text[: match.start()], text[match.end() :]):
            return text[: match.start()]
    return text


def last_sentence(text: str) -> str:
    """The last sentence of a line, without its full stop; of a long line the end."""
    rest = text[-_LONGEST:].strip()
    while True:
        first = first_sentence(rest)
        after = rest[len(first) + 1 :].strip(" *_\"'”’)")
        if not after:
            return first.strip()
        rest = after


def _ends(before: str, after: str) -> bool:
    words = before.rsplit(None, 2)[-2:]
    word = words[-1].lstrip("(\"'“‘*_") if words else ""
    if not after.strip():
        return True
    if word.casefold() in _NUMBERED and after.lstrip()[:1].isdigit():  # No. 5
        return False
    if len(word) == 1 and word.isalpha():
        return _is_new_sentence(after)
    if len(words) == 2 and words[0][-1:].isdigit():  # a unit: 5 ft.
        return True
    return word.casefold() not in _ABBREVIATIONS and not _INITIALS.fullmatch(word)


def _is_new_sentence(after: str) -> bool:
    """Whether what follows a letter and a full stop is a sentence, not a name or an option."""
    words = after.lstrip(" *_\"')").split("\n", 1)[0].split()
    return not words or words[0].strip(",:").casefold() in _OPENERS or len(words) > _OPTION_WORDS
