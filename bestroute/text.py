"""What can be said of a text without a tokenizer."""

from __future__ import annotations


def clean(text: str) -> str:
    """Replace lone surrogates (half characters from broken JSON), which no encoder accepts."""
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def estimate_tokens(text: str) -> int:
    """Tokens of a text, about: one for every four bytes of UTF-8, rounded up.

    Four characters a token is the usual estimate for English; counting bytes gives scripts of three bytes
    a character (Chinese, Japanese, Thai) three quarters of a token each, near what tokenizers give.
    """
    return -(-len(text.encode("utf-8", "replace")) // 4)
