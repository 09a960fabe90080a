"""The sentences of a query in which something can be asked for: quotations are taken out of them first.

What stands in quotes or in code is spoken of, not asked for, and a full stop in quotes ends no sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST = 3000  # characters: of a long query the two ends, where instructions stand
_CODE = re.compile(r"```.*?(?:```|\Z)", re.S)
_QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|„([^“”\n]{1,200})[“”]|「([^」\n]{1,200})」|『([^』\n]{1,200})』"
    r"|«\s?([^»\n]{1,200}?)\s?»|`([^`\n]{1,200})`|(?<!\w)'([^'\n]{1,80})'(?!\w)|‘([^’\n]{1,80})’"
    r"|\{([^{}\n]{1,40})\}"
)
_END = re.compile(r"(?<=[.!?;])\s+|(?<=[a-z)\ue001][.!?])(?=[A-Z])|(?<=[。！？])|\n+")
_SPACES = re.compile(r"[^\S\n]+")
_HOLE_SIGNS = re.compile("[\ue000\ue001]")
_HOLE = re.compile(r"\ue000(\d+)\ue001")
_CONDITION = re.compile(
    r"(?i)^\W*(?:if|when|whenever|unless|wenn|falls|si|quand|lorsque|cuando|もし|如果|若|만약|만일)\b"
)
_EACH = re.compile(
    r"(?i)\b(?:each|every|per|apiece|jede[rsnm]?|pro|chaque|chacune?|cada)\b|それぞれ|各|每|각각|마다"
)


@dataclass(frozen=True)
class Sentence:
    """One sentence: `text` with a hole for each quotation, `folded` in small letters, `quoted` in order."""

    text: str
    folded: str
    quoted: tuple[str, ...]

    @property
    def of_parts(self) -> bool:
        """Whether it speaks of every part of something, whose number says nothing of the whole."""
        return _EACH.search(self.folded) is not None

    def whole(self, part: str) -> str:
        """A part of `text` with its quotations put back."""
        every = [quote for quote in self.quoted]
        first = int(found[1]) if (found := _HOLE.search(self.text)) else 0
        return _HOLE.sub(lambda hole: every[int(hole[1]) - first], part)


def sentences(query: str) -> Iterator[Sentence]:
    """The sentences of a query that ask without condition."""
    if len(query) > _MOST:
        query = f"{query[: _MOST // 2]}\n{query[-_MOST // 2 :]}"
    query = _SPACES.sub(" ", _HOLE_SIGNS.sub("", query))  # a query's own signs would be taken for holes
    quoted: list[str] = []

    def hole(match: re.Match[str]) -> str:
        quoted.append(next(part for part in match.groups() if part is not None))
        return f"\ue000{len(quoted) - 1}\ue001"

    text = _QUOTED.sub(hole, _CODE.sub(" ", query))
    for part in _END.split(text):
        if part and part.strip() and not _CONDITION.match(part):
            places = [int(place) for place in _HOLE.findall(part)]
            yield Sentence(part, part.casefold(), tuple(quoted[place] for place in places))
