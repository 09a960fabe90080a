"""Lines in, with the place of a bad one; files out, whole or not at all."""

import gzip
import json
import os
import re
import tracemalloc
from pathlib import Path

import pytest

from bestroute.errors import InputError
from bestroute.files import atomic_write, check_kept, packed, read_json, read_lines
from bestroute.query import read_queries


def write(path, content):
    content = content.encode("utf-8") if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


class TestReadLines:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
    @pytest.mark.parametrize(
        "content", ["1\n2\n", "1\n2", "\n1\n\n  \n2\n\n", "1\r\n2\r\n", "\ufeff1\n2\n", "\ufeff\n 1 \n2"]
    )
    def test_layout_does_not_matter(self, tmp_path, name, content):
        assert list(read_lines(write(tmp_path / name, content), int)) == [1, 2]

    def test_only_line_feeds_end_a_line(self, tmp_path):
        path = write(tmp_path / "a.txt", "a\u2028b\x0bc\x85d\n")
        assert list(read_lines(path, str)) == ["a\u2028b\x0bc\x85d"]

    def test_empty_file(self, tmp_path):
        assert list(read_lines(write(tmp_path / "a", ""), int)) == []

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (b"\xff", "not UTF-8 (byte 1 of the line); save the file as UTF-8"),
            (b'"caf\xe9"', "not UTF-8 (byte 5 of the line); save the file as UTF-8"),
            (b'{"a" 1}', "not JSON: Expecting ':' delimiter at column 6"),
            (b"[" * 200_000, "nested too deeply"),
        ],
    )
    def test_a_bad_line_is_named_with_its_number(self, tmp_path, line, message):
        path = write(tmp_path / "a.jsonl", b"1\n\n2\n" + line + b"\n3\n")
        with pytest.raises(InputError) as caught:
            list(read_lines(path, json.loads))
        assert str(caught.value) == f"{path}:4: {message}"

    @pytest.mark.parametrize("layout", [{}, {"indent": 2}])
    def test_one_json_array_is_told_with_its_mend(self, tmp_path, layout):
        path = write(tmp_path / "a.jsonl", json.dumps([{"query": "a"}, {"query": "b"}], **layout))
        with pytest.raises(InputError, match=r"a\.jsonl:1: .*array, `jq -c '\.\[\]' FILE` writes each value"):
            list(read_queries(path))

    def test_one_json_document_is_told_with_its_mend(self, tmp_path):
        path = write(tmp_path / "a.jsonl", json.dumps({"query": "a"}, indent=2))
        with pytest.raises(
            InputError, match=r"a\.jsonl:1: not JSON: .*lines, `jq -c \. FILE` makes one line"
        ):
            list(read_queries(path))

    @pytest.mark.parametrize("line", ['{"a": 1} 2', '{"a" 1}', '"text'])
    def test_a_line_that_is_no_whole_document_is_told_alone(self, tmp_path, line):
        with pytest.raises(InputError, match=r"a\.jsonl:1: not JSON: [^;]*$"):
            list(read_lines(write(tmp_path / "a.jsonl", line), json.loads))

    def test_gzip_goes_by_what_is_in_the_file(self, tmp_path):
        packed, plain = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
        packed.write_bytes(gzip.compress(b"1\n2\n"))
        plain.write_bytes(b"1\n2\n")
        assert list(read_lines(packed, int)) == list(read_lines(plain, int)) == [1, 2]

    def test_the_lines_before_a_bad_one_come_first(self, tmp_path):
        lines = read_lines(write(tmp_path / "a", "1\nx\n"), int)
        assert next(lines) == 1
        with pytest.raises(InputError, match=":2: "):
            next(lines)

    def test_on_bad_is_told_and_reading_goes_on(self, tmp_path):
        path = write(tmp_path / "a", b"1\nx\n\xff\n4\n")
        bad = []
        assert list(read_lines(path, int, bad.append)) == [1, 4]
        assert [str(error).split(": ")[0] for error in bad] == [f"{path}:2", f"{path}:3"]

    def test_errors_of_the_program_are_not_hidden(self, tmp_path):
        path = write(tmp_path / "a", "1\n")
        with pytest.raises(ZeroDivisionError):
            list(read_lines(path, lambda line: 1 // 0, lambda error: None))

    @pytest.mark.parametrize(
        ("name", "reason"), [("missing.jsonl", "No such file"), ("missing.gz", "No such file"), (".", "")]
    )
    def test_what_is_not_a_file(self, tmp_path, name, reason):
        path = tmp_path / name
        with pytest.raises(InputError) as caught:
            list(read_lines(path, str))
        assert str(caught.value).startswith(f"{path}: cannot be read: {reason}")

    def test_damaged_gzip(self, tmp_path):
        whole = gzip.compress(b"".join(b'{"a": %d}\n' % number for number in range(5000)))
        scrambled = whole[:20] + bytes(20) + whole[40:]
        for content in (whole[: len(whole) // 2], scrambled, b"plain text\n"):
            path = tmp_path / "a.jsonl.gz"
            path.write_bytes(content)
            with pytest.raises(InputError, match=r"a\.jsonl\.gz:( cannot be read|\d+): "):
                list(read_lines(path, json.loads))

    def test_memory_does_not_grow_with_the_file(self, tmp_path):
        path = write(tmp_path / "a.gz", b"x" * 99 + b"\n" + b"y" * 99 + b"\n" * 1_000_000)
        tracemalloc.start()
        assert sum(1 for _ in read_lines(path, str)) == 2
        assert tracemalloc.get_traced_memory()[1] < 500_000
        tracemalloc.stop()


class TestAtomicWrite:
    @pytest.fixture(autouse=True, params=["unnamed", "named"])
    def _kind(self, request, monkeypatch):
        if request.param == "named":
            monkeypatch.delattr(os, "O_TMPFILE", raising=False)

    def test_writes_and_makes_folders(self, tmp_path):
        path = tmp_path / "deep" / "er" / "a.bin"
        with atomic_write(path) as file:
            file.write(b"new")
            assert not path.exists()
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == 0o644

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
    def test_the_old_file_stays_when_the_block_fails(self, tmp_path, error):
        path = write(tmp_path / "a.bin", "old")

        def interrupted():
            with atomic_write(path) as file:
                file.write(b"half")
                raise error

        pytest.raises(error, interrupted)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_target_that_cannot_be_written_is_named(self, tmp_path):
        (tmp_path / "a").mkdir()
        with pytest.raises(InputError, match="a: cannot be written: "), atomic_write(tmp_path / "a") as file:
            file.write(b"new")
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    def test_an_old_file_is_replaced(self, tmp_path):
        path = write(tmp_path / "a.bin", "old")
        with atomic_write(path) as file:
            file.write(b"new")
        assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "target").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "target")
        with atomic_write(tmp_path / "link") as file:
            file.write(b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "target").read_bytes() == b"new"

    def test_a_device_stays_a_device(self):
        with atomic_write(Path("/dev/null")) as file:
            file.write(b"gone")
        assert Path("/dev/null").is_char_device()

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no names for what is open")
    def test_a_pipe_is_written_by_its_number(self):
        reads, writes = os.pipe()
        with atomic_write(Path(f"/dev/fd/{writes}")) as file:
            file.write(b"new")
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            assert pipe.read() == b"new"

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no names for what is open")
    def test_an_open_file_is_written_where_it_stands(self, tmp_path):
        with (tmp_path / "a").open("wb", buffering=0) as standing:
            standing.write(b"before ")
            (tmp_path / "first").symlink_to(f"/dev/fd/{standing.fileno()}")
            (tmp_path / "link").symlink_to("first")
            with atomic_write(tmp_path / "link") as file:
                file.write(b"new ")
            standing.write(b"after")
        assert (tmp_path / "a").read_bytes() == b"before new after"

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no names for what is open")
    def test_a_pipe_whose_reader_has_gone_is_told_as_one_without_a_name(self):
        reads, writes = os.pipe()
        os.close(reads)
        try:
            with pytest.raises(BrokenPipeError), atomic_write(Path(f"/dev/fd/{writes}")) as file:
                file.write(b"new")
        finally:
            os.close(writes)


@pytest.mark.parametrize("name", ["9" * 30, "²"])
def test_no_descriptor_has_that_name(name):
    with pytest.raises(InputError, match=f"{name}: cannot be written"), atomic_write(Path("/dev/fd") / name):
        pass


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout"])
def test_what_is_read_again_must_be_a_file(path, tmp_path):
    check_kept(tmp_path / "new")
    check_kept(write(tmp_path / "old", ""))
    with pytest.raises(InputError, match=f"{path}: is no file that can be read again"):
        check_kept(Path(path))


def test_a_process_that_is_killed_leaves_nothing(tmp_path):
    try:
        os.close(os.open(tmp_path, os.O_TMPFILE | os.O_WRONLY))
    except (AttributeError, OSError):
        pytest.skip("no files without a name here")
    with atomic_write(tmp_path / "a.bin") as file:
        file.write(b"new")
        file.flush()
        assert list(tmp_path.iterdir()) == []


class TestReadJson:
    def test_a_value(self, tmp_path):
        assert read_json(write(tmp_path / "a.json", '\ufeff{"a": [1]}\n')) == {"a": [1]}

    def test_a_value_that_is_packed(self, tmp_path):
        (tmp_path / "a.json").write_bytes(gzip.compress(b'{"a": [1]}'))
        assert read_json(tmp_path / "a.json") == {"a": [1]}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b'{"a": 1,\n "b":}', "a.json:2: not JSON: Expecting value at column 6"),
            (b'"\xff"', "a.json: not UTF-8 (byte 2); save the file as UTF-8"),
            (b"[" * 100_000, "a.json: nested too deeply"),
        ],
    )
    def test_what_is_none(self, tmp_path, content, message):
        with pytest.raises(InputError, match=re.escape(message)):
            read_json(write(tmp_path / "a.json", content))

    def test_a_folder(self, tmp_path):
        with pytest.raises(InputError, match="cannot be read: Is a directory"):
            read_json(tmp_path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_packed_is_read_again_and_has_the_same_bytes_each_time(tmp_path, name):
    path, written = tmp_path / name, []
    for _ in range(2):
        with atomic_write(path) as file, packed(file, path) as lines:
            lines.write(b"1\n2\n")
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert (written[0] == b"1\n2\n") == (path.suffix != ".gz")
    assert list(read_lines(path, int)) == [1, 2]
