"""Rows into batches, long texts into bounded ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.artefacts.session import BATCH_TOKENS, batches, clip_characters, head_and_tail


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([BATCH_TOKENS * 4], [1]),
        ([BATCH_TOKENS // 2] * 3, [2, 1]),
        ([1, 1, BATCH_TOKENS // 2], [2, 1]),  # padding counts: three of the longest are too many
        ([1] * (BATCH_TOKENS + 1), [BATCH_TOKENS, 1]),
    ],
)
def test_a_batch_is_bounded_by_its_padded_tokens(lengths, sizes):
    made = list(batches(lengths, BATCH_TOKENS))
    assert [len(batch) for batch in made] == sizes
    assert [index for batch in made for index in batch] == list(range(len(lengths)))


@pytest.mark.parametrize(
    ("count", "limit", "kept"),
    [
        (3, 3, [0, 1, 2]),
        (5, 4, [0, 1, 3, 4]),
        (5, 3, [0, 1, 4]),
        (9, 2, [0, 8]),
        (9, 1, [0]),
        (9, 0, []),
        (0, 4, []),
    ],
)
def test_head_and_tail(count, limit, kept):
    assert head_and_tail(list(range(count)), limit) == kept


@given(st.text(max_size=200), st.integers(1, 8))
def test_clip_characters_keeps_both_ends(text, tokens):
    clipped = clip_characters(text, tokens)
    text = text.strip()  # an ocean of spaces must not push the question out
    assert len(clipped) <= 16 * tokens + 1
    assert clipped[: 8 * tokens] == text[: 8 * tokens]
    assert clipped[-8 * tokens :] == text[-8 * tokens :]
