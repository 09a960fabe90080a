"""Names of LLMs as people write them: which of the known ones is meant, and which are near."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_TAGS = re.compile(r":(latest|free)$")
_VENDOR = re.compile(r"^.*/|^meta-(?=llama)")
_APART = re.compile(r"[^a-z0-9.]+")
_TALKS = frozenset(("instruct", "it", "chat", "hf"))  # of the model that is served, which rarely is the base
_DATE = re.compile(r"(-(20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d{3,4}))$")


class Forms(NamedTuple):
    """A name, ever less of it: letters and digits alone; without words that say that it talks; or a date."""

    written: str
    tight: str
    plain: str
    undated: str


def forms(name: str) -> Forms:
    """The forms of a name: `meta-llama/Llama-3.1-8B-Instruct` is `llama318b` when plain."""
    bare = _VENDOR.sub("", _TAGS.sub("", name.strip().casefold()))
    bare = _VENDOR.sub("", bare)
    words = [word for word in _APART.split(bare) if word]
    spoken = "-".join(word for word in words if word not in _TALKS)
    return Forms(name, _letters(bare), _letters(spoken), _letters(_DATE.sub("", spoken)))


def meant(name: str, spellings: Mapping[str, Sequence[str]]) -> list[str]:
    """The LLMs that a name may mean, by the strictest form in which it is one of their spellings.

    None, one, or several, between which the name does not tell. Of several dates of one LLM, that without a
    date is meant.
    """
    if name in spellings:
        return [name]
    wanted = forms(name)
    known = {llm: [forms(one) for one in (llm, *also)] for llm, also in spellings.items()}
    for rung in range(len(wanted)):
        found = [llm for llm, all_ in known.items() if any(one[rung] == wanted[rung] for one in all_)]
        if len(found) > 1:
            timeless = [llm for llm in found if any(one.plain == wanted.undated for one in known[llm])]
            return timeless if len(timeless) == 1 else found
        if found:
            return found
    return []


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Known names that look like this one, the likest first."""
    by_form = {forms(one).tight: one for one in known}
    return [by_form[form] for form in difflib.get_close_matches(forms(name).tight, by_form, count, 0.5)]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
