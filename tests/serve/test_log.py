"""The log is never in a request's way: what it cannot write it drops, and counts."""

import json
import threading
import time

import pytest

from bestroute.errors import InputError
from bestroute.serve import log as log_module
from bestroute.serve.entry import Entry
from bestroute.serve.log import DecisionLog


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
