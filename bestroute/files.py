"""Files of lines in, one object at a time; files out, whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from bestroute.errors import InputError

T = TypeVar("T")
OnBad = Callable[[InputError], None]
_DESCRIPTORS = "/proc/self/fd"
_LINKS = 40  # that are followed, as systems do
_GZIP = b"\x1f\x8b"


def read_lines(path: Path, parse: Callable[[str], T], on_bad: OnBad | None = None) -> Iterator[T]:
    """Parse every line that is not blank of a UTF-8 file, packed by gzip or not, in constant memory.

    A line that cannot be read raises InputError with the file and line number; with `on_bad` given, that
    error is passed to it instead and reading goes on.
    """
    with _opened(path) as file:
        for number, raw in enumerate(file, 1):
            try:
                line = raw.decode("utf-8").strip().removeprefix("\ufeff")
                value = [parse(line)] if line else []
            except (InputError, ValueError, RecursionError) as error:
                whole = _one_document(raw, error) if number == 1 else ""
                bad = InputError(f"{path}:{number}: {_describe(error)}{whole}")
                if on_bad is None:
                    raise bad from error
                on_bad(bad)
            else:
                yield from value


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to read, unpacked where its first bytes are those of gzip, whatever its name. Raises InputError
    where it cannot be read, also in the block."""
    try:
        with path.open("rb") as file:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=file)) if file.peek(2)[:2] == _GZIP else file
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _one_document(line: bytes, error: Exception) -> str:
    """The mend, where the first line of a file says that all of it is one JSON array or document."""
    if line.lstrip().startswith(b"["):
        return "; of a JSON array, `jq -c '.[]' FILE` writes each value on a line of its own, as is needed"
    if isinstance(error, json.JSONDecodeError) and error.pos == len(error.doc):
        return "; of JSON over several lines, `jq -c . FILE` makes one line, as is needed"
    return ""


def _describe(error: Exception) -> str:
    """Say what is wrong with one line, in words that help to mend it."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte {error.start + 1} of the line); save the file as UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg.removesuffix(' starting at')} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)


def read_json(path: Path) -> Any:
    """The value that a file of JSON holds. Raises InputError, naming the file and line, where it cannot be
    read."""
    with _opened(path) as file:
        raw = file.read()
    try:
        return parse_json(raw.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error


def parse_json(text: str, place: str) -> Any:
    """The value that a JSON text holds. Raises InputError with its place and line where it is none."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        line = f"{place}:{error.lineno}" if isinstance(error, json.JSONDecodeError) else place
        raise InputError(f"{line}: {_describe(error)}") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise InputError where what the block writes at `path` cannot be written there; a pipe whose reader has
    gone raises BrokenPipeError, as it does without a name."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write a file out of sight and put it into place only when the block ends well.

    A link is followed; what is no regular file (a pipe, a device), or open already as /dev/stdout is, is
    written to as it is. A regular file may be read again from its start, and need have no name yet. Raises as
    `writing`.
    """
    with writing(path):
        if not _replaceable(path):
            opened = _descriptor(path)
            with open(path if opened is None else os.dup(opened), "wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
        unnamed = _unnamed(target.parent)
        try:
            with temporary.open("x+b") if unnamed is None else os.fdopen(unnamed, "w+b") as file:
                yield file
                if unnamed is not None:
                    file.flush()
                    _name(unnamed, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def check_kept(path: Path) -> None:
    """Raise InputError where what is to be read again and added to is a pipe, a device or /dev/stdout."""
    if not _replaceable(path):
        raise InputError(f"{path}: is no file that can be read again and added to; give a file's name")


def _replaceable(path: Path) -> bool:
    """Whether there is nothing at a path, or a regular file that goes by that name."""
    return _descriptor(path) is None and (path.is_file() or not path.exists())


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path such as /dev/stdout or /dev/fd/63 stands for."""
    folders = ("/dev/fd", f"/proc/{os.getpid()}/fd")
    for _ in range(_LINKS):
        if re.fullmatch("[0-9]{1,9}", path.name) and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            break
        path = path.parent / os.readlink(path)
    return None


def _unnamed(folder: Path) -> int | None:
    """A file that has no name yet, so that nothing is left of it when this process is killed; None where the
    system has no such files."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(_DESCRIPTORS):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666)
    except OSError:  # the file system has none; whatever else it is, a named file meets it too
        return None


def _name(descriptor: int, path: Path) -> None:
    # Only with a descriptor given does Python have the system follow the link in /proc to the file itself.
    os.link(f"{_DESCRIPTORS}/{descriptor}", path, src_dir_fd=descriptor)


@contextmanager
def packed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """The file itself or, where the name ends in .gz, what is packed into it (with no time in it)."""
    if path.suffix != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=file, mtime=0) as inside:
        yield cast(IO[bytes], inside)
