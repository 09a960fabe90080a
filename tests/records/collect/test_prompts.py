"""Prompts: read once each, with ids that stay and faults at their line."""

import gzip
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.records.collect.plan import Survey
from bestroute.records.collect.prompts import Repeats, choose_prompts, read_prompts

# `printf '"Why?"' | sha256sum`: the id of a prompt without one is that of its text as JSON
WHY = hashlib.sha256(b'"Why?"').hexdigest()[:16]


def lines(*values: object) -> str:
    return "".join(f"{json.dumps(value)}\n" for value in values)


@pytest.fixture
def read(tmp_path):
    def read_text(text: str, name: str = "p.jsonl"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return list(read_prompts(path))

    return read_text


def test_a_line_of_text_is_a_prompt(read):
    (why, how) = read("Why?\n\n  How?  \n", "p.txt")
    assert (why.record.id, why.record.prompt, why.record.source) == (WHY, "Why?", "")
    assert why.record.input_tokens == 1
    assert how.query.messages == ({"role": "user", "content": "How?"},)


def test_what_a_line_says_besides_is_carried(read):
    (prompt,) = read(
        lines({"query": "Why?", "id": 7, "source": "quiz", "answer": 42, "metadata": {"plan": "free"}})
    )
    record = prompt.record
    assert (record.id, record.source, record.answer, record.metadata) == ("7", "quiz", "42", {"plan": "free"})
    assert record.responses == {}


def test_messages_are_sent_as_they_are(read):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    (prompt,) = read(lines({"messages": messages}))
    assert list(prompt.query.messages) == list(prompt.record.prompt) == messages


def test_a_records_file_serves_as_prompts(read):
    (prompt,) = read(lines({"id": "1", "query": "Why?", "responses": {"small": [{"score": 1}]}}))
    assert prompt.record.responses == {}


def test_packed_prompts(tmp_path):
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(lines({"query": "Why?"}).encode()))
    assert [prompt.record.id for prompt in read_prompts(path)] == [WHY]


def test_a_repeat_counts_once(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("Why?\nHow?\nWhy?\nWhy?\n")
    repeats = Repeats()
    assert len(list(read_prompts(path, repeats))) == 2
    assert repeats.count == 2
    assert (Survey.of(path).prompts, Survey.of(path).repeats) == (2, 2)


@pytest.mark.parametrize(
    "second",
    [
        {"id": "1", "query": "How?"},
        {"id": "1", "query": "Why?", "answer": "b"},
        {"id": "1", "query": "Why? "},
    ],
)
def test_an_id_with_other_content_is_told_with_its_line(read, second):
    with pytest.raises(InputError, match=r"p\.jsonl:3: id '1' stands on an earlier line with other content"):
        read(lines({"id": "1", "query": "Why?", "answer": "a"}) + "\n" + lines(second))


def test_without_ids_the_query_is_what_must_differ(read):
    with pytest.raises(InputError, match=rf"p\.jsonl:2: id '{WHY}' stands on an earlier line"):
        read(lines({"query": "Why?", "answer": "a"}, {"query": "Why?", "answer": "b"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"Why?"\n', r":1: an object with"),
        ("{}\n", r':1: .* exactly one of "query"'),
        ('{"query": "a", "answer": []}\n', r':1: "answer" is list'),
        ('{"query": "a", "metadata": 1}\n', r':1: "metadata" is int'),
        ('{"query": "a"}\n{"query": "  "}\n', r":2: "),
        ('{"messages": [{"role": "king", "content": "a"}]}\n', r":1: messages\[0\] has role 'king'"),
    ],
)
def test_a_faulty_line_is_told(read, text, message):
    with pytest.raises(InputError, match=message):
        read(text)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"convert to \.txt"):
        list(read_prompts(tmp_path / "p.csv"))
    (tmp_path / "p.txt").write_text("\n")
    with pytest.raises(InputError, match="holds no prompt"):
        Survey.of(tmp_path / "p.txt")


def test_half_a_character_is_replaced(read):
    bad = "\ufffd" * 3
    (prompt,) = read('{"id": "\\ud800", "query": "a\\ud800"}\n')
    assert (prompt.record.id, prompt.record.prompt) == (bad, f"a{bad}")


def test_the_digest_is_of_what_is_asked(tmp_path):
    path = tmp_path / "p.jsonl"
    digests = []
    for line in ({"query": "a"}, {"query": "a", "answer": "1"}, {"query": "a", "id": "1"}, {"query": "b"}):
        path.write_text(lines(line))
        digests.append(Survey.of(path).digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@given(texts=st.lists(TEXTS, min_size=1))
def test_every_text_is_there_once_in_order_under_its_own_id(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("prompts") / "p.jsonl"
    path.write_text(lines(*({"query": text} for text in texts)), "utf-8")
    prompts = [prompt.record for prompt in read_prompts(path)]
    assert [record.prompt for record in prompts] == list(dict.fromkeys(texts))
    assert len({record.id for record in prompts}) == len(prompts)
    path.write_text(lines({"query": texts[-1]}), "utf-8")
    assert next(read_prompts(path)).record.id == next(r.id for r in prompts if r.prompt == texts[-1])


@given(texts=st.lists(TEXTS, min_size=1, unique_by=lambda text: " ".join(text.split())), data=st.data())
def test_the_chosen_are_the_same_in_any_order_and_among_more(tmp_path_factory, texts, data):
    path = tmp_path_factory.mktemp("prompts") / "p.jsonl"
    few, many = sorted(data.draw(st.tuples(*[st.integers(1, len(texts) + 1)] * 2)))
    found = []
    for ordered in (texts, data.draw(st.permutations(texts))):
        path.write_text(lines(*({"query": text} for text in ordered)), "utf-8")
        found.append([choose_prompts(path, count) for count in (few, many)])
    assert found[0] == found[1]
    assert found[0][0] <= found[0][1]
    assert [len(one) for one in found[0]] == [min(count, len(texts)) for count in (few, many)]


def test_a_choice_is_a_sample_of_all(tmp_path):
    """Of 1,000 numbers 200: their mean is 500 within three standard deviations of such a sample's, 55."""
    path = tmp_path / "p.txt"
    path.write_text("\n".join(map(str, range(1000))))
    chosen = list(read_prompts(path, only=choose_prompts(path, 200)))
    assert len(chosen) == Survey.of(path, 200).prompts == 200
    numbers = [int(prompt.record.prompt) for prompt in chosen]
    assert numbers == sorted(numbers)
    assert abs(sum(numbers) / 200 - 500) < 55
