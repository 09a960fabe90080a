"""Do two free texts say the same? Only where they are nearly the same text.

Texts are compared by the sequences of five characters that they share, on samples of bounded size (bottom-k
sketches: Broder, "On the resemblance and containment of documents", 1997). That cannot tell a fact from its
denial, so texts whose numbers differ are never alike, and short ones only where they differ in nothing but
case, punctuation and articles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestroute.answering.agreement.compare import normalized
from bestroute.answering.agreement.passages import clip

_LENGTH = 5  # characters in a sequence
_KEPT = 512  # of a text's sequences: an estimated share is out by 0.02 on average
_SHARE = 0.6  # of two unlike answers to one question, 999 in 1,000 pairs share less
_SHORT = 100  # characters; below, one word makes another answer


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is compared of a text: its words, its numbers, and a sample of its sequences, shape (<= 512,)."""

    short: bool
    words: str
    numbers: frozenset[str]
    sample: NDArray[np.uint64]


def sketch(text: str) -> Sketch:
    """The sketch of a text; of one longer than 64,000 characters, of its head and tail."""
    text = clip(text)
    even = " ".join(text.casefold().split())
    digits = "".join(character if character.isdigit() else " " for character in text)
    short = len(even) < _SHORT
    return Sketch(short, normalized(text) if short else even, frozenset(digits.split()), _sample(even))


def alike(one: Sketch, other: Sketch) -> bool:
    """Whether two texts say the same; symmetric."""
    if one.words == other.words:
        return True
    if one.short or other.short or one.numbers != other.numbers:
        return False
    both = np.union1d(one.sample, other.sample)[:_KEPT]
    shared = np.isin(both, one.sample, assume_unique=True) & np.isin(both, other.sample, assume_unique=True)
    return float(shared.mean()) >= _SHARE


def _sample(text: str) -> NDArray[np.uint64]:
    """The smallest hashes of a text's sequences: the same for the same text on every machine."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    hashes = np.zeros(max(len(codes) - _LENGTH + 1, 0), np.uint64)
    for place in range(_LENGTH):
        hashes = (hashes ^ codes[place : place + len(hashes)]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    return np.unique(hashes)[:_KEPT]
