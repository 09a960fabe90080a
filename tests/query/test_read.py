"""Files of queries: what they may hold, and how a bad line is told."""

import gzip
import json

import pytest

from bestroute.errors import InputError
from bestroute.query import read_queries


def test_read_text_lines(tmp_path):
    path = tmp_path / "queries.txt"
    path.write_bytes("\ufeffone\n\n  two \r\nنعم\u202e\n".encode())
    assert [query.text for query in read_queries(path)] == ["one", "two", "نعم\u202e"]


def test_read_json_lines(tmp_path):
    path = tmp_path / "queries.jsonl.gz"
    lines = [
        {"query": "a\0b"},
        {"messages": [{"role": "user", "content": "hi"}], "metadata": {"a": 1}},
    ]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    queries = list(read_queries(path))
    assert [query.text for query in queries] == ["a\0b", "hi"]
    assert queries[1].metadata == {"a": 1}


BAD_LINES = {
    b'{"query": ': "not JSON",
    b'"text"': "object",
    b"\xff\xfe": "not UTF-8",
    b'{"query": ""}': "the query is empty",
    b"[" * 100_000: "",
    b'{"messages": [1]}': "messages[0] is int",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: repr(line[:20]))
def test_a_bad_line_is_told_with_its_number(line, tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_bytes(b'{"query": "fine"}\n\n' + line + b'\n{"query": "after"}\n')
    with pytest.raises(InputError) as caught:
        list(read_queries(path))
    assert str(caught.value).startswith(f"{path}:3: ")
    assert BAD_LINES[line] in str(caught.value)
    bad = []
    assert [query.text for query in read_queries(path, bad.append)] == ["fine", "after"]
    assert [str(error) for error in bad] == [str(caught.value)]


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="unknown kind of query file"):
        list(read_queries(tmp_path / "queries.csv"))
    with pytest.raises(InputError, match=r"absent\.txt"):
        list(read_queries(tmp_path / "absent.txt"))
