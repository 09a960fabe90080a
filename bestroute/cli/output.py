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

POLICY = click.Path(path_type=Path, dir_okay=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
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
    """Print aligned columns; those whose cells are all numbers or blanks are aligned to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    right = [all(_numeric(cell) for cell in column[1:]) for column in columns]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _numeric(cell: str) -> bool:
    return not cell.strip("-+0123456789.%$ ")


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table cell, `-` for none."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def dollars(value: float) -> str:
    """US$ with four significant digits."""
    return f"{value:.4g}"


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
