"""The command oracle: the user's program scores, one process for each response."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Any, Literal

from bestroute.errors import InputError, ScoringError
from bestroute.records.record import Record, Response
from bestroute.records.score.oracle import text_of

OnFailure = Literal["missing", "zero"]

_LOOK_S = 0.5  # how often a running program is looked at
_MAX_BYTES = 16 * 2**20
_TAIL_BYTES = 64 * 2**10
_TAIL_CHARACTERS = 300


class CommandOracle:
    """Runs a program that gets a response on standard input and prints its score.

    The command is split as a shell would split it, but no shell runs it. Input: one JSON object, `{"id",
    "query" | "messages", "answer", "model", "response"}`, `model` being the record's name for it. Output:
    the last line that is not blank, a number from 0 to 1 or an object with "score". `timeout_s`: after so
    many seconds the program and all that it started in its process group are killed. `on_failure`: whether a
    program that fails leaves the response without a score (`missing`) or with 0 (`zero`).
    """

    paid = True

    def __init__(self, command: str, timeout_s: float = 60.0, on_failure: OnFailure = "missing") -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InputError(f"command {command!r}: {error}") from error
        if not self._words:
            raise InputError("the command is empty; give a program, such as 'python check.py'")
        self._timeout_s, self._on_failure = timeout_s, on_failure
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """The scores that the program prints.

        Raises ScoringError, with the end of what it wrote to standard error, when it exits with another
        status than 0, runs too long or prints no score; InputError when it cannot be started.
        """
        return [self._score(record, model, response) for response in responses]

    def close(self) -> None:
        """Kill the programs that still run."""
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill(process)

    def _score(self, record: Record, model: str, response: Response) -> float:
        content = {
            "id": record.id,
            **record.asked,
            "answer": record.answer,
            "model": model,
            "response": text_of(response),
        }
        try:
            return _read_score(self._run(json.dumps(content).encode("ascii")))
        except ScoringError:
            if self._on_failure == "zero" and not self._closed:
                return 0.0
            raise

    def _run(self, content: bytes) -> str:
        # Files and not pipes: a program that does not read its input, or writes without end, blocks nobody.
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(content)
            given.seek(0)
            process = self._start(given, out, err)
            try:
                status = self._wait(process, (out, err))
            except ScoringError as error:
                raise ScoringError(f"{error}{_said(err)}") from None
            finally:
                _kill(process)
                process.wait()
                with self._lock:
                    self._running.discard(process)
            if status != 0:
                raise ScoringError(f"the program ended with status {status}{_said(err)}")
            return _tail(out)

    def _wait(self, process: subprocess.Popen[bytes], written: Sequence[IO[bytes]]) -> int:
        until = time.monotonic() + self._timeout_s
        while True:
            left = until - time.monotonic()
            try:
                return process.wait(max(0.0, min(left, _LOOK_S)))
            except subprocess.TimeoutExpired:
                if left <= _LOOK_S:
                    raise ScoringError(f"no score within {self._timeout_s:g} s") from None
                if any(os.fstat(file.fileno()).st_size > _MAX_BYTES for file in written):
                    raise ScoringError(f"the program wrote more than {_MAX_BYTES} bytes") from None

    def _start(self, given: IO[bytes], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise ScoringError("scoring was stopped")
            try:
                process = subprocess.Popen(
                    self._words, stdin=given, stdout=out, stderr=err, start_new_session=True
                )
            except OSError as error:
                raise InputError(f"{self._words[0]}: cannot be started: {error.strerror or error}") from error
            self._running.add(process)
        return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # not waited for yet, so its id is still its own
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _read_score(output: str) -> float:
    lines = output.strip().splitlines()
    if not lines:
        raise ScoringError("the program printed nothing; it must print a number from 0 to 1")
    try:
        value: Any = json.loads(lines[-1])
    except (ValueError, RecursionError):
        value = None
    score = value.get("score") if isinstance(value, dict) else value
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
        raise ScoringError(f"the program printed {lines[-1][:80]!r}; it must print a number from 0 to 1")
    return float(score)


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
    return file.read(_TAIL_BYTES).decode("utf-8", "replace")


def _said(err: IO[bytes]) -> str:
    said = " ".join(_tail(err).split())
    return f": {'…' if len(said) > _TAIL_CHARACTERS else ''}{said[-_TAIL_CHARACTERS:]}" if said else ""
