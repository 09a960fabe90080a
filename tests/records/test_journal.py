"""A journal keeps every entry that was appended, whatever byte a kill stopped at."""

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestroute.errors import InputError
from bestroute.records.journal import Journal

HEADER = {"command": "score", "records": "3f2a"}
ENTRIES = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3))


def entries_of(path, header=HEADER):
    with Journal(path, header) as journal:
        return list(journal.entries())


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "new" / "a.partial.jsonl"
    with Journal(path, HEADER) as journal:
        assert list(journal.entries()) == []
        journal.append({"id": "a", "score": 0.5}, {"id": "β\n"})
        journal.append({"id": "c"})
        assert [entry["id"] for entry in journal.entries()] == ["a", "β\n", "c"]
    with Journal(path, HEADER) as journal:
        journal.append({"id": "d"})
    assert [entry["id"] for entry in entries_of(path)] == ["a", "β\n", "c", "d"]
    assert json.loads(path.read_text().splitlines()[0]) == HEADER


def test_an_entry_is_found_at_its_place(tmp_path):
    with Journal(tmp_path / "a", HEADER) as journal:
        places = journal.append({"id": "é"}, {"id": "b"}) + journal.append({"id": "c"})
        assert [journal.read(place)["id"] for place in reversed(places)] == ["c", "b", "é"]
        assert list(journal.places()) == [(place, journal.read(place)) for place in places]
        assert journal.append({"id": "d"}) == [places[-1] + len('{"id": "c"}\n')]


@given(ENTRIES, ENTRIES, st.data())
def test_torn_at_any_byte(tmp_path_factory, before, after, data):
    path = tmp_path_factory.mktemp("journal") / "a"
    with Journal(path, HEADER) as journal:
        journal.append(*before)
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    survived = max(0, whole[:size].count(b"\n") - 1)
    with Journal(path, HEADER) as journal:
        assert list(journal.entries()) == before[:survived]
        journal.append(*after)
    assert entries_of(path) == before[:survived] + after


def test_a_long_torn_line_is_cut_off(tmp_path):
    path = tmp_path / "a"
    with Journal(path, HEADER) as journal:
        journal.append({"id": "a"})
    with path.open("ab") as file:
        file.write(b'{"id": "' + b"x" * 300_000)
    assert entries_of(path) == [{"id": "a"}]
    assert path.stat().st_size < 100


def test_the_journal_of_another_run_is_refused_and_kept(tmp_path):
    path = tmp_path / "a"
    with Journal(path, HEADER) as journal:
        journal.append({"id": "a"})
    with pytest.raises(InputError, match=r"another run \(other: records, oracle\).*delete the file"):
        Journal(path, {"command": "score", "records": "ffff", "oracle": "exact"})
    assert entries_of(path) == [{"id": "a"}]


@pytest.mark.parametrize("content", [b"hello\n", b"[1]\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(InputError, match="a:1: not a line of a journal"):
        Journal(path, HEADER)
    assert path.read_bytes() == content


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "a"
    with Journal(path, HEADER) as journal:
        journal.append({"id": "a"}, {"id": "b"})
    path.write_bytes(path.read_bytes().replace(b'"a"', b"???"))
    with Journal(path, HEADER) as journal, pytest.raises(InputError, match="a:2: not a line"):
        list(journal.entries())


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path, HEADER)


def test_two_cannot_write_at_once(tmp_path):
    with Journal(tmp_path / "a", HEADER) as journal:
        with pytest.raises(InputError, match="another process is at this work"):
            Journal(tmp_path / "a", HEADER)
        journal.append({"id": "a"})
    assert entries_of(tmp_path / "a") == [{"id": "a"}]


def test_removed_when_done(tmp_path):
    journal = Journal(tmp_path / "a", HEADER)
    journal.append({"id": "a"})
    journal.remove()
    assert not journal.path.exists()


def test_threads_share_it(tmp_path):
    with Journal(tmp_path / "a", HEADER) as journal:
        threads = [
            threading.Thread(target=lambda n=n: [journal.append({"n": n, "i": i}) for i in range(20)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [(entry["n"], entry["i"]) for entry in journal.entries()]
    assert sorted(found) == [(n, i) for n in range(4) for i in range(20)]
    for n in range(4):
        assert [i for m, i in found if m == n] == list(range(20))
