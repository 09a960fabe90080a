"""Prompts as records that nobody has responded to yet, each once, with an id that stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.files import read_lines
from bestroute.query import Query
from bestroute.records.lines import parse_unanswered, record_as_json
from bestroute.records.record import Record, bucket
from bestroute.text import clean

_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Prompt:
    """A record without responses, and the query that is sent for it."""

    record: Record
    query: Query


@dataclass
class Repeats:
    """Counts the lines that were passed over because an earlier one says the same."""

    count: int = 0


def read_prompts(
    path: Path, repeats: Repeats | None = None, only: frozenset[str] | None = None
) -> Iterator[Prompt]:
    """Prompts of a file in order: `.txt` has a query a line, `.jsonl` (`.jsonl.gz`) an object a line.

    An object is `{"query" or "messages", "id"?, "source"?, "answer"?, "metadata"?}`. A prompt without an
    id gets 16 hex digits of the SHA-256 of what is asked. A line that says what an earlier one says is
    passed over and counted in `repeats`, and a prompt whose id is not in `only`, where given, too. Raises
    InputError, with the line, for one that cannot be read and for an id that stands on an earlier line
    with other content. Of what was read, a digest a line is kept.
    """
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in (".jsonl", ".txt"):
        raise InputError(f"{path}: unknown kind of prompts; convert to .txt (a query a line) or .jsonl")
    known: dict[str, bytes] = {}

    def parse(line: str) -> Prompt | None:
        prompt = _parse({"query": line} if suffix == ".txt" else json.loads(line))
        return prompt if _is_new(prompt.record, known) else None

    for prompt in read_lines(path, parse):
        if prompt is None:
            if repeats is not None:
                repeats.count += 1
        elif only is None or prompt.record.id in only:
            yield prompt


def choose_prompts(path: Path, count: int) -> frozenset[str]:
    """The ids of so many prompts of a file, or of all where it has fewer: those with the least hashes.

    So they are a random sample, the same in whatever order the file stands, and the first 100 are among the
    first 300. Prompts that lie apart in the features teach no more (benchmarks/choosing.py).
    """
    drawn = ((bucket(one.query.text, "collect", 2**64), one.record.id) for one in read_prompts(path))
    return frozenset(name for _, name in nsmallest(count, drawn))


def asked_digest(record: Record) -> bytes:
    """SHA-256 of what is asked and under which id; what is known of it besides does not count."""
    return _sha256([record.id, record.prompt]).digest()


def _parse(raw: Any) -> Prompt:
    if not isinstance(raw, dict):
        raise InputError(f'an object with "query" or "messages" is needed, not {type(raw).__name__}')
    record = parse_unanswered(raw)
    query = Query.of(record.asked)
    # Half characters, which no file can hold, are out of the query, and so out of what is compared later.
    asked = query.messages[0]["content"] if isinstance(record.prompt, str) else query.messages
    record = replace(record, prompt=asked, input_tokens=record.input_tokens or query.input_tokens)
    return Prompt(replace(record, id=clean(record.id) or _id_of(record)), query)


def _is_new(record: Record, known: dict[str, bytes]) -> bool:
    digest = _sha256(record_as_json(record)).digest()
    earlier = known.setdefault(record.id, digest)
    if earlier is digest:
        return True
    if earlier != digest:
        raise InputError(
            f"id {record.id!r} stands on an earlier line with other content; give every line its own id "
            "(one without an id goes by the text of its query)"
        )
    return False


def _id_of(record: Record) -> str:
    return _sha256(record.prompt).hexdigest()[:_ID_DIGITS]


def _sha256(value: Any) -> hashlib._Hash:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii"))
