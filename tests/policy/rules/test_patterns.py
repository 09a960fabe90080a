"""Patterns: RE2's own on ASCII, and what they mean beyond it."""

import re
import time
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from bestroute.policy.rules import patterns
from bestroute.policy.rules.conditions import Pattern
from bestroute.policy.rules.keywords import Keywords
from bestroute.policy.rules.patterns import UnicodePattern
from bestroute.query import Query

GREETING = r"(?i)^\s*(hi|hello|hey)\b"


def found(pattern, text):
    return Pattern(pattern).matches(Query.of(text))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"(?i)\bдоговор\b", "проверь договор аренды", True),
        (r"(?i)\bдоговор\b", "ДОГОВОР.", True),
        (r"(?i)\bдоговор\b", "договора", False),
        (GREETING, "Hiển thị danh sách", False),
        (GREETING, "Hiérarchie des normes", False),
        (GREETING, "Hi, un été", True),
        (GREETING, "\u3000Hi été", True),
        (r"^hi\s+there", "hi\u00a0there", True),
        (r"^\S+$", "a\u00a0b", False),
        (r"^[^\S\n]+é", "\u00a0\u2009é", True),
        (r"^[^\S\n]+é", "\u00a0\né", False),
        ("café", "un café noir", True),
        ("cafe\u0301", "un café noir", True),
        ("caf[éè]", "un café noir", True),
        (r"^\w+$", "naïve", True),
        (r"^[\w-]+$", "naïve-été", True),
        (r"^[^\W_]+$", "naïve", True),
        (r"^[^\W_]+$", "na_ïve", False),
        (r"^[^\W\d_]+$", "été3", False),
        (r"^[\W_]+$", "—_", True),
        (r"^[\W_]+$", "é", False),
        (r"^\d{3}$", "٣٤٥", True),
        (r"^\D", "٣", False),
        (r"^[\D]", "٣", False),
        (r"^[[:alpha:]]{3}\b", "été", True),
        (r"^[[:upper:]]", "É", True),
        (r"\bपता\b", "मेरा पता क्या है", True),
        (r"\bपत\b", "मेरा पता क्या है", False),
        (r"\b契約\b", "この契約書", True),
        (r"\bสัญญา\b", "ช่วยตรวจสัญญานี้", True),
        (r"\blawsuit\b", "请问lawsuit怎么办", True),
        (r"\bpython\b", "python으로 짜 줘", True),
        (r"\Bб\B", "абв", True),
        (r"\Bб", "а б", False),
        (r"(?m)^\bété\b$", "a\nété\nb", True),
        (r"(?m)^é$\n", "é\nx", True),
        (r"\b(\bété|x)", "un été", True),
        (r"\b.{3}\b$", "été", True),
        (r"^\b.{2}$\b", "été", False),
        (r"^.{4,}\b$", "été", False),
        (r"\Q.é\E\b", ".é ", True),
        (r"\Q.é\E\b", ".éa", False),
        (r"(?s)\ba.b\b", "é a\nb", True),
        (r"\ba.b\b", "é a\nb", False),
        (r"\P{L}\b", "éé", False),
        (r"^\B", " é", True),
        (r"\B^", " é", True),
        (r"^\B", "é ", False),
        (r"\B$", "é ", True),
        (r"$\B", "é ", True),
        (r"\B$", " é", False),
        (r"\bx{2}\b", "é xx", True),
        (r"a\{2}\b?", "é a{2}", True),
        ("a\x02b\\b", "é a\x02b", False),  # what marks the text is no part of it
    ],
)
def test_beyond_ascii(pattern, text, expected):
    assert found(pattern, text) is expected
    assert found(pattern, unicodedata.normalize("NFD", text)) is expected


PIECES = [
    "a",
    "b",
    ".",
    r"\w",
    r"\W",
    r"\d",
    r"\s",
    r"\b",
    r"\B",
    "^",
    "$",
    "[^a]",
    "[a-c_]",
    "(?:a|b)",
    "x*",
    "b+",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.text("ab_1 \n.x", max_size=8))
def test_the_road_beyond_ascii_agrees_with_re2_on_ascii(pieces, text):
    """A letter that no pattern names, far behind, sends a text of ASCII down the other road.

    Left out: what may be empty between two edges, which hides the one from the other there.
    """
    assume(not re.search(r"(\\[bB]|[\^$])(x\*)+(\\[bB]|[\^$])", "".join(pieces)))
    plain, beyond = (UnicodePattern(f"(?:{''.join(pieces)})(?s:.)*{end}\\z") for end in "eé")
    assert beyond.search(f"{text}\n é") == plain.search(f"{text}\n e")


@pytest.mark.parametrize("text", ["word " * 200_000, "你好，世界 " * 60_000, "a" + "\u0300\u0316" * 400_000])
def test_a_megabyte_is_looked_through_at_once(text):
    query, started = Query.of(text), time.thread_time()
    assert not Keywords(("lawsuit", "契約")).matches(query)
    assert not Pattern("(a+)+$x").matches(query)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "a{2000}", "", "[z-a]"])
def test_patterns_that_re2_refuses(pattern):
    with pytest.raises(ValidationError):
        Pattern(pattern)


def test_case_counts_in_patterns():
    assert not Pattern("^hi").matches(Query.of("Hi"))
    assert Pattern("(?i)^hi").matches(Query.of("Hi"))


def test_a_pattern_too_large_for_all_scripts_is_for_ascii(monkeypatch):
    compile_plain = patterns.compile_pattern

    def small(pattern):
        if r"\p{" in pattern:
            raise ValueError("pattern too large")
        return compile_plain(pattern)

    monkeypatch.setattr(patterns, "compile_pattern", small)
    pattern = UnicodePattern(r"\w\b")
    assert (pattern.is_wide, pattern.search("é"), pattern.search("é a")) == (False, False, True)
    assert UnicodePattern(r"x\b").is_wide
