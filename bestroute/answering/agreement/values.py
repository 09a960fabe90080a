"""An answer once it is read: what must be equal in another that agrees, and what may be missing there."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "choice", "literal", "text"]
KINDS: tuple[Kind, ...] = ("number", "choice", "literal", "text")


@dataclass(frozen=True, slots=True)
class Answer:
    """A stated answer, read whole.

    `core`: must be equal. `extra`: a unit, the name before `=`, the words after a letter: may be missing in
    one of two that agree, but is never different. `written`: the very characters, which count where
    another response has them in quotes. `firm`: a value rather than mere words.
    """

    core: Hashable
    extra: Hashable = None
    kind: Kind = "text"
    firm: bool = True
    written: str = ""
