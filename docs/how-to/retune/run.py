"""Runs the commands of README.md in this folder, or another, and puts into the page what they print now.

    python docs/how-to/retune/run.py
    python docs/how-to/retune/run.py docs/how-to/your-traffic

All run in one shell, in an empty folder with the files that stand beside the page, and records.py. What a
command writes to stdout and stderr stands below it. Output stays as it is in the page where only that differs
which truly varies: the date of a calibration, milliseconds, and the last digits of decimals, since processors
round differently. Words, arms, counts, dials and exit codes do not vary. The text between is not touched:
where outputs have changed, read it again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = "/srv/router"  # what the page calls the empty folder

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
_PROMPT = r"\$ (?!per 1,000)"  # a row of `bestroute diff` begins so
_STEP = re.compile(rf"^{_PROMPT}(?P<command>(?:.*\\\n)*.*\n)(?P<output>(?:(?!{_PROMPT}).*\n)*)", re.M)
_END = "--- exit code "
_VARIES = re.compile(r"^> # \d{4}-\d\d-\d\d bestroute calibrate|; ms: .*$", re.M)
_DECIMAL = re.compile(r"(?<![\w.@-])[-+]?\d+\.\d+(?:e[-+]\d+)?(?!\.?\w|@)")


@dataclass(frozen=True)
class Ran:
    """What a command printed, stdout and stderr as they came, and its exit code."""

    output: str
    code: int


def commands(page: str) -> list[str]:
    """The commands of the page's console blocks, in order, each with its line end."""
    return [step["command"] for block in _BLOCK.findall(page) for step in _STEP.finditer(block)]


def run(commands: Sequence[str], timeout_s: float = 900, beside: Path = HERE) -> list[Ran]:
    """Run commands one after another, with copies of the files that stand in `beside`.

    Raises subprocess.TimeoutExpired.
    """
    # After each its exit code is put back, as the next one may ask for $?.
    script = "".join(f"{command}{{ code=$?; echo '{_END}'$code; (exit $code); }}\n" for command in commands)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        for file in (HERE / "records.py", *(one for one in beside.iterdir() if one.is_file())):
            if file.name not in ("README.md", "run.py"):
                shutil.copy(file, folder)
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=timeout_s,
        )
    *parts, _ = re.split(rf"{re.escape(_END)}(\d+)\n", ran.stdout.replace(str(folder), FOLDER))
    return [
        Ran(output if output[-1:] in ("", "\n") else output + "\n", int(code))
        for output, code in zip(parts[::2], parts[1::2], strict=True)
    ]


def same(old: str, new: str) -> bool:
    """Whether two outputs differ in nothing but what varies."""
    old, new = _settled(old), _settled(new)
    numbers = zip(_DECIMAL.findall(old), _DECIMAL.findall(new), strict=False)
    return _DECIMAL.sub("", old) == _DECIMAL.sub("", new) and all(_near(*pair) for pair in numbers)


def _settled(output: str) -> str:
    """Output without the digits of dates and times, and with columns of any width."""
    timeless = _VARIES.sub(lambda found: re.sub(r"\d", "", found[0]), output)
    return "\n".join(" ".join(line.split()) for line in timeless.splitlines())


def _near(old: str, new: str) -> bool:
    """Within 2 %, or two of the last digit; numbers of two decimals, as dials are, only within 2 %."""
    decimals = len(old.partition(".")[2])
    slack = 0 if decimals == 2 else 2.01 * 10**-decimals
    return abs(float(old) - float(new)) <= max(0.02 * abs(float(old)), slack)


def refreshed(page: str, ran: Sequence[Ran]) -> str:
    """The page with what its commands printed, where that is not the same."""
    new = iter(ran)

    def put(step: re.Match[str]) -> str:
        output = next(new).output
        return f"$ {step['command']}{step['output'] if same(step['output'], output) else output}"

    return _BLOCK.sub(lambda block: _STEP.sub(put, block[0]), page)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    page = (where / "README.md").read_text("utf-8")
    (where / "README.md").write_text(refreshed(page, run(commands(page), beside=where)), "utf-8")
