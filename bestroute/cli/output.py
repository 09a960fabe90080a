"""What commands share in printing: tables, JSON, progress, lines that could not be read."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from bestroute.errors import InputError
from bestroute.table import table

T = TypeVar("T")


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


def print_thinking(means: Mapping[str, float | None]) -> None:
    """Print what the mean response of each model that thought was billed for it, as a policy has it."""
    for name, mean in means.items():
        if mean:
            click.echo(f"{name}: thinking_tokens: {mean:.0f} a response, for its entry in the policy")


class BadLines:
    """Lines that could not be read, where they are to be passed over: counted, the first kept to be listed.

    `on_bad` goes to what reads; None where a bad line is an error.
    """

    def __init__(self, skip_bad: bool, listed: float = 20) -> None:
        self.count = 0
        self.on_bad = self._add if skip_bad else None
        self._listed = listed
        self._kept: list[InputError] = []

    def _add(self, error: InputError) -> None:
        self.count += 1
        if len(self._kept) < self._listed:
            self._kept.append(error)

    def tell(self) -> None:
        """List them on stderr."""
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


def counted(noun: str, items: Iterable[T]) -> Iterator[T]:
    """The same items; on stderr a line counts those that are done."""
    counter = Counter(noun)
    for item in items:
        yield item
        counter.advance()
    counter.close()
