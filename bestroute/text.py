"""What can be said of a text without a tokenizer."""

from __future__ import annotations

from math import isfinite

import re2

_NOTHING = re2.compile(
    r"(?:[\s\p{Z}]|\[(?:PAD|UNK|CLS|SEP|MASK)\]|</?(?:s|pad|unk|bos|eos|mask)>|<\|[^|>\s]{1,40}\|>"
    r"|<(?:start|end)_of_turn>)*"
)
_SHOWN = 40  # characters of a number that is quoted back


def clean(text: str) -> str:
    """Replace lone surrogates (half characters from broken JSON), which no encoder accepts."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def says_nothing(text: str) -> bool:
    """Whether a text is white space and control tokens alone, as they leak out of a model that fails."""
    return _NOTHING.fullmatch(text) is not None


def finite(written: str) -> float:
    """The number that JSON writes so. Raises ValueError for one that is beyond all range."""
    number = float(written)
    if not isfinite(number):
        raise ValueError(f"{written[:_SHOWN]} is larger than any number that can be sent on")
    return number


def seconds(span_s: float) -> str:
    """A span of time as it is read: 0.03 s, 37.5 s, 3600 s."""
    return f"{round(span_s, 1):g} s" if span_s >= 0.1 else f"{span_s:.2g} s"


def estimate_tokens(text: str) -> int:
    """Tokens of a text, about: one for every four bytes of UTF-8, rounded up.

    Four characters a token is the usual estimate for English; counting bytes gives scripts of three bytes
    a character (Chinese, Japanese, Thai) three quarters of a token each, near what tokenizers give.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return -(-size // 4)
