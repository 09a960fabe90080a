"""A text word by word has the ids of the text at once, with both kinds of tokenizer."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bestroute.artefacts import words
from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.words import WordMemo


def word_piece():
    return Tokenizer.from_file(str(default_folder("reward") / "tokenizer.json"))


def unigram():
    """Single characters and a few longer pieces, spaces as SentencePiece marks them."""
    pieces = [("\0unknown", 0.0), ("\0start", 0.0), ("\0end", 0.0), ("▁the", -1.0), ("at", -1.5), ("▁", -2.0)]
    pieces += [(letter, -5.0) for letter in string.ascii_letters + string.digits]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\n", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="\0start $A \0end", special_tokens=[("\0start", 1), ("\0end", 2)]
    )
    return tokenizer


TOKENIZERS = {"word pieces": word_piece(), "unigram": unigram()}


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=80))
def test_ids_are_those_of_the_tokenizer(kind, text):
    tokenizer = TOKENIZERS[kind]
    text = " ".join(text.split())
    memo = WordMemo(lambda text: tokenizer.encode(text).ids)
    assert memo(text) == memo(text) == tokenizer.encode(text).ids


@pytest.mark.parametrize("text", ["", "   ", "ﬁne ½", "日本 の a b", "a\u00a0b", "x\x00y"])
def test_what_is_not_plain_is_left_to_the_tokenizer(text):
    asked = []

    def encode(text):
        asked.append(text)
        return [1, 7, 2]

    memo = WordMemo(encode)
    assert memo(text) == [1, 7, 2]
    assert asked[-1] == text


def test_a_word_is_asked_for_once_and_no_more_words_are_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(words, "_WORDS", 2)
    asked = []

    def encode(text):
        asked.append(text)
        return [1, len(text), 2]

    memo = WordMemo(encode)
    assert memo("one three one") == [1, 3, 5, 3, 2]
    assert asked[1:] == ["one", "three"]
    memo("four one")
    assert asked[3:] == ["four", "one"]
