"""Files of queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bestroute.errors import InputError
from bestroute.files import OnBad, read_lines
from bestroute.query.query import Query


def read_queries(path: Path, on_bad: OnBad | None = None) -> Iterator[Query]:
    """Queries of a file, one at a time: `.txt` has a query a line, `.jsonl` (`.jsonl.gz`) an object a line.

    Blank lines are passed over. A line that cannot be read raises InputError with its number, or, where
    `on_bad` is given, is handed to it as that error.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in (".jsonl", ".txt"):
        raise InputError(f"{path}: unknown kind of query file; convert it to .txt (a query a line) or .jsonl")
    return read_lines(path, Query.of if suffix == ".txt" else _of_json, on_bad)


def _of_json(line: str) -> Query:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise InputError(f'an object with "query" or "messages" is needed, not {type(value).__name__}')
    return Query.of(value)
