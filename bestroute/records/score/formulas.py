r"""Are two formulas equal? `\frac{1}{\sqrt{2}}` and `\frac{\sqrt{2}}{2}`, by math-verify (extra `math`).

It runs in a process of its own: what a formula makes a computer algebra system do has no bound, and no signal
or thread ends it within a limit, but a process can be killed. Without the extra no two formulas are equal
here. Run as a program, this module is that process: a JSON list of two formulas a line, 1 or 0 a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Any

_LIMIT_S = 5.0
_START_S = 60.0  # importing sympy takes a second or two, on a busy machine more
_MEMORY = 2 * 1024**3  # bytes, where the system can limit them
_LONGEST = 1_000  # characters of a formula


class Formulas:
    """Compares formulas within `limit_s` seconds each; starts its process when it is first asked.

    Safe to share between threads: one comparison runs at a time.
    """

    def __init__(self, limit_s: float = _LIMIT_S) -> None:
        self._limit_s, self._lock = limit_s, threading.Lock()
        self._replies: SimpleQueue[str] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None

    def equal(self, one: str, other: str) -> bool:
        """Whether two formulas of LaTeX or plain text are equal; False where that is not found in time."""
        if max(len(one), len(other)) > _LONGEST or not has_extra():
            return False
        with self._lock:
            return self._ask(json.dumps([one, other])) == "1"

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _ask(self, line: str) -> str | None:
        try:
            process = self._process or self._start()
            assert process.stdin is not None
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return self._replies.get(timeout=self._limit_s)
        except (OSError, Empty):
            self._stop()
            return None

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._process, self._replies = process, SimpleQueue()
        threading.Thread(target=_forward, args=(process, self._replies), daemon=True).start()
        self._replies.get(timeout=_START_S)  # it says that it is ready
        return process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            self._process = None


def has_extra() -> bool:
    """Whether math-verify is installed."""
    return find_spec("math_verify") is not None


def _forward(process: subprocess.Popen[str], replies: SimpleQueue[str]) -> None:
    """Put what a process prints into a queue, line by line."""
    with suppress(ValueError):  # it was stopped
        for line in process.stdout or ():
            replies.put(line.strip())
    replies.put("")  # nobody waits for one that has ended


def _serve() -> None:
    """Answer on stdout what is asked on stdin."""
    from math_verify import verify

    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        one, other = map(_parsed, json.loads(line))
        equal = bool(one and other) and verify(one, other, strict=True, timeout_seconds=None)
        print(int(equal), flush=True)  # noqa: T201


def _parsed(formula: str) -> list[Any]:
    """What math-verify makes of a formula; nothing where it can make nothing of it."""
    from math_verify import parse

    found = parse(f"\\boxed{{{formula}}}", parsing_timeout=None, fallback_mode="no_fallback")
    return [value for value in found if not isinstance(value, str)]


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


if __name__ == "__main__":
    _limit_memory()
    _serve()
