"""What commands share in reading arguments and printing: tables, JSON, progress, texts from stdin."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bestroute.errors import InputError
from bestroute.table import dollars as dollars
from bestroute.table import number as number
from bestroute.table import share as share
from bestroute.table import table

POLICY = click.Path(path_type=Path, dir_okay=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, help="Pass over lines that cannot be read; list them on stderr."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), default=None, help="Threads; all cores by default."
)
metadata_option = click.option(
    "--metadata",
    "-m",
    "metadata",
    multiple=True,
    metavar="KEY=VALUE",
    help="What rules may look at; repeatable.",
)


def print_json(value: Any) -> None:
    """Print one JSON document, in ASCII for any pipe; a number that is not finite becomes null."""
    click.echo(json.dumps(_finite(value), default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, as bestroute.table sets them."""
    click.echo(table(head, rows))


def read_text(argument: str) -> str:
    """The argument itself, or standard input where it is `-`."""
    if argument != "-":
        return argument
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8 (byte {error.start + 1}); convert it first") from error


def parse_metadata(pairs: Sequence[str]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that reads as JSON true, false, number or text is that, else it is a text."""
    metadata: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--metadata")
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        metadata[key] = parsed if isinstance(parsed, (bool, int, float, str)) else value
    return metadata


class BadLines:
    """Lines that could not be read: counted, the first ones kept to be listed on stderr."""

    _LISTED = 20

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[InputError] = []

    def add(self, error: InputError) -> None:
        """Count one."""
        self.count += 1
        if len(self._kept) < self._LISTED:
            self._kept.append(error)

    def tell(self) -> None:
        """List them."""
        for error in self._kept:
            click.echo(f"skipped {error}", err=True)
        if self.count > len(self._kept):
            click.echo(f"skipped {self.count - len(self._kept)} more lines", err=True)


class Counter:
    """A line on stderr that counts up, a few times a second, where stderr is a terminal."""

    def __init__(self, noun: str) -> None:
        self._noun, self._count, self._started, self._shown = noun, 0, time.monotonic(), 0.0
        self._terminal = sys.stderr.isatty()

    def advance(self) -> None:
        """Count one."""
        self._count += 1
        now = time.monotonic()
        if self._terminal and now - self._shown > 0.2:
            self._shown = now
            rate = self._count / max(now - self._started, 1e-9)
            click.echo(f"\r{self._count:,} {self._noun}, {rate:,.0f} a second ", err=True, nl=False)

    def close(self) -> None:
        """Clear the line."""
        if self._terminal and self._shown:
            click.echo("\r" + " " * 60 + "\r", err=True, nl=False)
