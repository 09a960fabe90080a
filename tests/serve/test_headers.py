"""The decision in headers: plain signs alone, whatever rules and callers are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute import Router
from bestroute.serve.entry import Entry
from bestroute.serve.headers import headers_of, request_id
from tests.fakes import FakePredictor, make_policy

PLAIN = {chr(code) for code in range(0x20, 0x7F)}


@given(name=st.text(min_size=1, max_size=300).filter(str.strip), model=st.text(max_size=300))
def test_every_value_is_plain_and_short(name, model):
    rule = {"name": name, "when": {"turns": {"min": 1}}, "route": {"model": "tiny"}}
    entry = Entry("r", "/", digest="d")
    entry.decided(Router(make_policy(rules=[rule]), predictor=FakePredictor()).route("Why?"))
    entry.model = model
    for value in headers_of(entry).values():
        assert set(value) <= PLAIN
        assert len(value) <= 256 * 12  # four bytes of a sign, three signs each


@given(given_id=st.text())
def test_an_id_of_the_caller_is_kept_only_where_it_is_a_plain_word(given_id):
    made = request_id(given_id)
    assert made == given_id or (made.isalnum() and len(made) == 32)
    assert made.isascii()


@pytest.mark.parametrize("word", ["a", "trace-1.2_x", "x" * 64])
def test_a_plain_word_is_kept(word):
    assert request_id(word) == word


def test_what_is_not_known_is_no_header():
    assert headers_of(Entry("r", "/")) == {"x-bestroute-request-id": "r"}
