"""Texts that are like nothing anyone asks: what novelty is learnt against."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterable

from bestroute.records.record import bucket

# Scripts that the encoder has no pieces for; what is written in them it cannot read.
_UNREAD = (
    (0x0370, 0x03FF), (0x0530, 0x058F), (0x05D0, 0x05EA), (0x0905, 0x0939), (0x0985, 0x09B9),
    (0x0A05, 0x0A39), (0x0B85, 0x0BB9), (0x0C05, 0x0C39), (0x0D05, 0x0D39), (0x10D0, 0x10FA),
    (0x1200, 0x1340), (0x1780, 0x17B3),
)  # fmt: skip
_LENGTH = 600


def strange(texts: Iterable[str]) -> list[str]:
    """One strange text for each: encoded, shuffled, of noise, or of a script that the encoder cannot read."""
    made = []
    for text in texts:
        draw = random.Random(bucket(text, "strange", 1 << 30))
        kept = text[: draw.randrange(20, _LENGTH)]
        made.append(draw.choice(_KINDS)(kept, draw))
    return made


def _base64(text: str, draw: random.Random) -> str:
    return base64.b64encode(text.encode()).decode()


def _hexadecimal(text: str, draw: random.Random) -> str:
    digits = text.encode().hex()
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2)) if draw.random() < 0.5 else digits


def _noise(text: str, draw: random.Random) -> str:
    low, high = draw.choice(((33, 126), (97, 122), (0x21, 0x24F), (0x20, 0xFFF)))
    gaps = draw.choice((0.0, 0.15))
    return "".join(" " if draw.random() < gaps else chr(draw.randint(low, high)) for _ in text)


def _shuffled(text: str, draw: random.Random) -> str:
    letters = list(text)
    draw.shuffle(letters)
    return "".join(letters)


def _unread(text: str, draw: random.Random) -> str:
    low, high = draw.choice(_UNREAD)
    return "".join(chr(draw.randint(low, high)) if letter.isalnum() else letter for letter in text)


def _repeated(text: str, draw: random.Random) -> str:
    unit = text[: draw.randrange(1, 4)]
    return (unit * _LENGTH)[: len(text)]


_KINDS: tuple[Callable[[str, random.Random], str], ...] = (
    _base64,
    _hexadecimal,
    _noise,
    _noise,
    _shuffled,
    _unread,
    _repeated,
)
