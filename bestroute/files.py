"""Files of lines in, one object at a time; files out, whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar, cast

from bestroute.errors import InputError

T = TypeVar("T")
OnBad = Callable[[InputError], None]


def read_lines(path: Path, parse: Callable[[str], T], on_bad: OnBad | None = None) -> Iterator[T]:
    """Parse every line that is not blank of a UTF-8 file, gzip if its name ends in .gz, in constant memory.

    A line that cannot be read raises InputError with the file and line number; with `on_bad` given, that
    error is passed to it instead and reading goes on.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    line = raw.decode("utf-8").strip().removeprefix("\ufeff")
                    value = [parse(line)] if line else []
                except (InputError, ValueError, RecursionError) as error:
                    bad = InputError(f"{path}:{number}: {_describe(error)}")
                    if on_bad is None:
                        raise bad from error
                    on_bad(bad)
                else:
                    yield from value
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _describe(error: Exception) -> str:
    """Say what is wrong with one line, in words that help to mend it."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name and rename it into place only when the block ends well.

    A link is followed; what is no regular file (a pipe, a device) is written to as it is. Raises InputError
    where the place cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            with temporary.open("xb") as file:
                yield file
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def packed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """The file itself or, where the name ends in .gz, what is packed into it (with no time in it)."""
    if path.suffix != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=file, mtime=0) as inside:
        yield cast(IO[bytes], inside)
