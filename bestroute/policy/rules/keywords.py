"""Keywords: words and phrases found in a text of any script, whatever its case or invisible characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator

from bestroute.policy.arms import Name
from bestroute.query import Query


def compile_pattern(pattern: str) -> Any:
    """Compile a regular expression with RE2, quietly; ValueError says what RE2 refuses."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 32 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        fault = error.args[0] if error.args else error
        raise ValueError(
            fault.decode("utf-8", "replace") if isinstance(fault, bytes) else str(fault)
        ) from None


# Scripts written without spaces: a keyword in them is found inside running text, and a word of another script
# may stand against them. U+30FC, the long vowel mark, belongs to both kana and so to no script.
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\x{30FC}"
_NOT_IN_WORD = rf"(?:[^\p{{L}}\p{{N}}\p{{M}}_]|[{_SPACELESS}])"
_SPACE = r"[\s\p{Z}\x0b\x1c-\x1f\x{85}]+"  # what str.split splits on
_WORD_EDGE = compile_pattern(r"^[\p{L}\p{N}\p{M}_]$")
_SPACELESS_EDGE = compile_pattern(rf"^[{_SPACELESS}]$")
_INVISIBLE = compile_pattern(r"[\p{Cf}\x{034F}\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]+")
# Unicode normalisation sorts a run of combining marks in quadratic time; no language stacks more than these.
_MARK_PILE = compile_pattern(r"(\p{M}{8})\p{M}+")


@lru_cache(maxsize=4)
def fold(text: str) -> str:
    """The form in which keywords are compared: case folded, NFKC, without invisible characters.

    Turkish İ folds to plain i. The last few texts are kept, as several rules look at one query.
    """
    if text.isascii():
        return text.lower()
    visible = _MARK_PILE.sub(r"\1", _INVISIBLE.sub("", text))
    folded = unicodedata.normalize("NFKC", visible).casefold().replace("i\u0307", "i")
    return unicodedata.normalize("NFKC", folded)


def _is_bounded(edge: str) -> bool:
    """Whether a keyword with this first or last character must begin or end a word there."""
    return bool(_WORD_EDGE.search(edge)) and not _SPACELESS_EDGE.search(edge)


def _alternation(keywords: Iterable[str]) -> str:
    """One regular expression that finds any of the keywords; the two kinds of edge make four groups."""
    groups: dict[tuple[bool, bool], list[str]] = {}
    for keyword in keywords:
        words = fold(keyword).split()
        edges = _is_bounded(words[0][0]), _is_bounded(words[-1][-1])
        groups.setdefault(edges, []).append(_SPACE.join(map(re2.escape, words)))
    return "|".join(
        (rf"(?:\A|{_NOT_IN_WORD})" if left else "")
        + f"(?:{'|'.join(alternatives)})"
        + (rf"(?:\z|{_NOT_IN_WORD})" if right else "")
        for (left, right), alternatives in groups.items()
    )


def _visible(keyword: str) -> str:
    if not fold(keyword).split():
        raise ValueError("must have a visible character")
    return keyword


class Keywords(RootModel[tuple[Annotated[Name, AfterValidator(_visible)], ...]]):
    """Holds where the text has any of these words or phrases, in any case, as whole words."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: tuple[Annotated[Name, AfterValidator(_visible)], ...] = Field(min_length=1, max_length=2000)

    @cached_property
    def _regex(self) -> Any:
        return compile_pattern(_alternation(self.root))

    @model_validator(mode="after")
    def _compiles(self) -> Keywords:
        try:
            _ = self._regex
        except ValueError:
            raise ValueError("are too many or too long for one rule; split the rule in two") from None
        return self

    def matches(self, query: Query) -> bool:
        """Whether any keyword stands in the query's text."""
        return self._regex.search(fold(query.text)) is not None

    def why_not(self, query: Query) -> str:
        """Name the keywords."""
        return f"has none of the keywords {listed(self.root)}"


def listed(values: Iterable[object]) -> str:
    """The first few values, as a reader sees them in a sentence."""
    shown = [repr(value) for value in values]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
