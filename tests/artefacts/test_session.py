"""Rows into batches, long texts into bounded ones."""

from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.session import BATCH_TOKENS, batches, clip_characters, head_and_tail
from tests.policy.files import SHIPPED

CONTROL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


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


def test_without_padding_a_batch_has_one_length():
    lengths = [1, 1, 2, 3, 3, BATCH_TOKENS, BATCH_TOKENS]
    assert list(batches(lengths, BATCH_TOKENS, pads=False)) == [[0, 1], [2], [3, 4], [5], [6]]


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


def test_a_text_all_in_capitals_is_read_in_small_letters():
    assert clip_characters(" WHY, 2 + 2? ÄÖ ", 64) == "why, 2 + 2? äö"
    assert clip_characters("WHY not", 64) == "WHY not"
    assert clip_characters("2 + 2", 64) == "2 + 2"


@given(st.text(max_size=200).filter(lambda text: not text.isupper()), st.integers(1, 8))
def test_clip_characters_keeps_both_ends(text, tokens):
    clipped = clip_characters(text, tokens)
    assume(clipped != clipped.lower() or not any(sign.isupper() for sign in text))
    text = text.strip()  # an ocean of spaces must not push the question out
    assert len(clipped) <= 16 * tokens + 1
    assert clipped[: 8 * tokens] == text[: 8 * tokens]
    assert clipped[-8 * tokens :] == text[-8 * tokens :]


@cache
def as_in_file(kind):
    plain = Tokenizer.from_file(str(default_folder(kind) / "tokenizer.json"))
    plain.no_truncation()
    plain.no_padding()
    return plain


@pytest.fixture(params=["router", "reward"])
def tokenizers(request, predictor, reward_model):
    """The tokenizer as it is used, and as its file has it."""
    opened = {"router": predictor, "reward": reward_model}[request.param]
    return opened._session.tokenizer, as_in_file(request.param)


@pytest.mark.parametrize("token", CONTROL)
def test_control_tokens_in_a_text_are_text(tokenizers, token):
    used, plain = tokenizers
    start, end = plain.encode("").ids
    first, *ids, last = used.encode(f"a {token} b {token}{token}").ids
    assert (first, last) == (start, end)
    assert not {start, end} & {*ids}


def test_the_ids_of_other_texts_are_what_they_were(tokenizers):
    used, plain = tokenizers
    texts = [line for path in SHIPPED for line in path.read_text("utf-8").splitlines()]
    texts += [
        "日本語の文章",
        "e\u0301\u00a0x",
        "[pad] [Sep] [ PAD ]",
        "a[1] <s> </s> <pad> <|im_end|>",
        "",
        "\ufffd\U0010ffff",
    ]
    assert [used.encode(text).ids for text in texts] == [plain.encode(text).ids for text in texts]


@given(st.text(max_size=60).filter(lambda text: not any(token in text for token in CONTROL)))
def test_the_ids_of_any_other_text_are_what_they_were(predictor, text):
    assert predictor._session.tokenizer.encode(text).ids == as_in_file("router").encode(text).ids
