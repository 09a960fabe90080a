"""The log is never in a request's way: what it cannot write it drops, and counts."""

import asyncio
import errno
import json
import os
import threading
import time
from types import SimpleNamespace

import pytest

from bestroute.errors import InputError
from bestroute.serve import log as log_module
from bestroute.serve.app import _reopen_on_hangup
from bestroute.serve.entry import Entry
from bestroute.serve.log import DecisionLog
from tests.patience import until


def ids(path):
    return [json.loads(line)["request_id"] for line in path.read_text("utf-8").splitlines()]


def test_what_is_added_is_written(tmp_path):
    log = DecisionLog(str(tmp_path / "log"), False, pytest.fail)
    for place in range(500):
        log.add(Entry(f"r{place}", "/"))
    log.close()
    lines = (tmp_path / "log").read_text("utf-8").splitlines()
    assert [json.loads(line)["request_id"] for line in lines] == [f"r{place}" for place in range(500)]
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_a_slow_disk_delays_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(log_module, "_WAITING", 10)
    gate, dropped = threading.Event(), []
    monkeypatch.setattr(DecisionLog, "_write", lambda self, entries: gate.wait(30))
    log = DecisionLog(str(tmp_path / "log"), False, dropped.append)
    started = time.perf_counter()
    for place in range(500):
        log.add(Entry(f"r{place}", "/"))
    assert time.perf_counter() - started < 5
    assert sum(dropped) >= 500 - 10 - log_module._AT_ONCE
    gate.set()
    log.close()


def test_a_full_disk_is_counted(tmp_path):
    dropped = []
    log = DecisionLog("/dev/full", False, dropped.append)
    log.add(Entry("r", "/"))
    log.close()
    assert sum(dropped) == 1


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        DecisionLog(str(tmp_path / "file" / "log"), False, pytest.fail)


def test_a_folder_is_made_and_a_torn_line_left_alone(tmp_path):
    path = tmp_path / "nothing" / "log"
    for request_id in ("a", "b"):
        log = DecisionLog(str(path), False, pytest.fail)
        log.add(Entry(request_id, "/"))
        log.close()
        with path.open("ab") as file:
            file.write(b'{"torn": ')
    first, torn, second, _ = path.read_text("utf-8").split("\n")
    assert [json.loads(line)["request_id"] for line in (first, second)] == ["a", "b"]
    assert torn == '{"torn": '


def test_a_reopen_that_fails_is_tried_again_and_loses_no_line(tmp_path, caplog):
    path, moved = tmp_path / "log", tmp_path / "moved"
    log = DecisionLog(str(path), False, pytest.fail)
    path.rename(moved)
    path.mkdir()
    log.reopen()
    for expected in (["a"], ["a", "b"]):
        log.add(Entry(expected[-1], "/"))
        until(lambda expected=expected: ids(moved) == expected)
    path.rmdir()
    log.add(Entry("c", "/"))
    log.close()
    assert (ids(moved), ids(path)) == (["a", "b"], ["c"])
    told = [record.getMessage() for record in caplog.records if "not opened anew" in record.getMessage()]
    assert len(told) == 1
    assert str(path) in told[0]


def test_what_was_moved_away_may_fail_to_close(tmp_path, monkeypatch):
    path = tmp_path / "log"
    log = DecisionLog(str(path), False, pytest.fail)
    path.rename(tmp_path / "moved")

    def failing(self):
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(log._lines, "close", failing.__get__(log._lines))
    log.reopen()
    log.add(Entry("a", "/"))
    log.close()
    assert ids(path) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_file_that_was_moved_before_anybody_listened_is_opened_anew(tmp_path):
    log = DecisionLog(str(tmp_path / "log"), False, pytest.fail)
    (tmp_path / "log").rename(tmp_path / "moved")

    async def listen():
        _reopen_on_hangup(SimpleNamespace(log=log))

    asyncio.run(listen())
    log.add(Entry("a", "/"))
    log.close()
    assert (ids(tmp_path / "moved"), ids(tmp_path / "log")) == ([], ["a"])
