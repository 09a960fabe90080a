"""Records and preferences as lines of JSON: read, checked, written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import Any

from bestroute.errors import InputError
from bestroute.files import OnBad, read_lines
from bestroute.records.record import Preference, Record, Response, text_of


def read_records(
    paths: str | Path | Iterable[str | Path], on_bad: OnBad | None = None, *, scored: bool = True
) -> Iterator[Record]:
    """Records of `.jsonl` or `.jsonl.gz` files, in order; also reads the JSONL of microsoft/best-route-llm.

    A bad line raises InputError with file and line number, or goes to `on_bad` where given. A response
    without a score is bad, unless `scored` is False.
    """
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        yield from read_lines(Path(path), lambda line: parse_record(json.loads(line), scored=scored), on_bad)


def read_preferences(paths: Iterable[Path], on_bad: OnBad | None = None) -> Iterator[Preference]:
    """Preference pairs, a line each: `{"query", "chosen", "rejected", "id"?, "source"?}`."""
    for path in paths:
        yield from read_lines(path, lambda line: _parse_preference(json.loads(line)), on_bad)


def parse_record(raw: Any, *, scored: bool = True) -> Record:
    """One record from its JSON value. Raises InputError that names the field.

    `scored`: whether every response must have its oracle score.
    """
    if not isinstance(raw, dict):
        raise InputError(f"a record is a JSON object, not {type(raw).__name__}")
    if "responses" not in raw and "prompt" in raw:
        return _parse_best_route(raw)
    responses = raw.get("responses")
    if not isinstance(responses, dict) or not responses:
        raise InputError('"responses" is missing or empty; give {"small": [{"score": ...}], ...}')
    read = {str(name): _parse_responses(name, items, scored) for name, items in responses.items()}
    return replace(parse_unanswered(raw), responses=read)


def parse_unanswered(raw: Mapping[str, Any]) -> Record:
    """A record as it is before any model has responded: everything but `responses`, which is not looked at.

    Raises InputError that names the field.
    """
    return Record(
        id=_label(raw, "id"),
        source=_label(raw, "source"),
        prompt=_parse_prompt(raw),
        responses={},
        input_tokens=_count(raw.get("input_tokens"), "input_tokens"),
        answer=_answer(raw.get("answer")),
        metadata=_metadata(raw.get("metadata")),
    )


def record_as_json(record: Record) -> dict[str, Any]:
    """The JSON value of a record, as `parse_record` reads it; unknown fields are left out."""
    responses = {
        name: [
            {key: value for key in Response.__slots__ if (value := getattr(item, key)) is not None}
            for item in items
        ]
        for name, items in record.responses.items()
    }
    known = {
        key: value
        for key in ("input_tokens", "answer", "metadata")
        if (value := getattr(record, key)) is not None
    }
    return {"id": record.id, "source": record.source, **record.asked, **known, "responses": responses}


def record_line(record: Record) -> bytes:
    """The line of a record in a file of records."""
    return json.dumps(record_as_json(record), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _parse_prompt(raw: Mapping[str, Any]) -> str | tuple[Mapping[str, Any], ...]:
    query, messages = raw.get("query"), raw.get("messages")
    if isinstance(query, str) and query.strip() and messages is None:
        return query
    if (
        query is None
        and isinstance(messages, list)
        and all(isinstance(m, dict) for m in messages)
        and messages
    ):
        return tuple(messages)
    raise InputError('a record needs exactly one of "query" (a text) and "messages" (a list of objects)')


def _parse_responses(name: str, items: Any, scored: bool) -> tuple[Response, ...]:
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise InputError(f"responses[{name!r}] must be a list of one or more objects")
    return tuple(
        _parse_response(f"responses[{name!r}][{index}]", item, scored) for index, item in enumerate(items)
    )


def _parse_response(place: str, item: Mapping[str, Any], scored: bool) -> Response:
    score = _number(item.get("score"), f"{place}.score")
    if score is None and scored:
        raise InputError(f"{place}.score is missing; `bestroute score` gives the oracle's score, 0 to 1")
    if score is not None and not 0 <= score <= 1:
        raise InputError(f"{place}.score is {score}; give the oracle's score, 0 to 1")
    text = item.get("text")
    if text is not None and not isinstance(text, str):
        raise InputError(f"{place}.text is {type(text).__name__}; give a text")
    return Response(
        score=score,
        text=text,
        output_tokens=_count(item.get("output_tokens"), f"{place}.output_tokens"),
        by=None if item.get("by") is None else str(item["by"]),
        reward=_number(item.get("reward"), f"{place}.reward"),
        thinking_tokens=_count(item.get("thinking_tokens"), f"{place}.thinking_tokens"),
        mean_logprob=_number(item.get("mean_logprob"), f"{place}.mean_logprob"),
        least_margin=_number(item.get("least_margin"), f"{place}.least_margin"),
    )


def _answer(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise InputError(f'"answer" is {type(value).__name__}; give a text or a number')


def _metadata(value: Any) -> Mapping[str, Any] | None:
    if value is None or isinstance(value, dict):
        return value
    raise InputError(f'"metadata" is {type(value).__name__}; give an object')


def _label(raw: Mapping[str, Any], key: str) -> str:
    return "" if raw.get(key) is None else str(raw[key])


def _count(value: Any, place: str) -> float | None:
    count = _number(value, place)
    if count is not None and count < 0:
        raise InputError(f"{place} is {count:g}; give a number, 0 or more")
    return count


def _number(value: Any, place: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{place} is {value!r}; give a number")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = inf
    if not isfinite(number):
        raise InputError(f"{place} is {number}; give a finite number")
    return number


def _parse_preference(raw: Any) -> Preference:
    if not isinstance(raw, dict):
        raise InputError(f"a preference is a JSON object, not {type(raw).__name__}")
    for key in ("query", "chosen", "rejected"):
        if not isinstance(raw.get(key), str) and not (key == "query" and "messages" in raw):
            raise InputError(f'"{key}" is missing or not a text')
    prompt = text_of(_parse_prompt(raw))
    return Preference(_label(raw, "id"), _label(raw, "source"), prompt, raw["chosen"], raw["rejected"])


def _parse_best_route(raw: Mapping[str, Any]) -> Record:
    """One line of best-route-llm's data: `{"id", "prompt", MODEL: {"responses", "armoRM_scores", ...}, ...}`.

    armoRM scores lie between -1 and 1, about 0.1 in practice; the rare negative one counts as 0. The proxy's
    `ourRM_scores`, where present, become rewards. A count of prompt tokens is taken from the first model.
    """
    models = {name: block for name, block in raw.items() if isinstance(block, dict)}
    if not isinstance(raw["prompt"], str) or not models:
        raise InputError('a best-route-llm record needs a "prompt" and a block for each model')
    counts = [block["token_num_prompt"] for block in models.values() if "token_num_prompt" in block]
    return Record(
        id=_label(raw, "id"),
        source=_label(raw, "id").split("/", 1)[0],
        prompt=raw["prompt"],
        responses={name: _best_route_block(name, block) for name, block in models.items()},
        input_tokens=_count(counts[0], "token_num_prompt") if counts else None,
    )


def _best_route_block(name: str, block: Mapping[str, Any]) -> tuple[Response, ...]:
    scores = block.get("armoRM_scores")
    if not isinstance(scores, list) or not scores:
        raise InputError(f"{name}.armoRM_scores is missing; score the responses first")
    columns = {"text": "responses", "output_tokens": "token_num_responses", "reward": "ourRM_scores"}
    known = [_number(score, f"{name}.armoRM_scores[{index}]") for index, score in enumerate(scores)]
    rows: list[dict[str, Any]] = [
        {"score": None if score is None else max(score, 0.0), "by": name} for score in known
    ]
    for field, key in columns.items():
        values = block.get(key)
        if values is None:
            continue
        if not isinstance(values, list) or len(values) != len(scores):
            raise InputError(f"{name}.{key} must list one value for each of the {len(scores)} scores")
        for row, value in zip(rows, values, strict=True):
            row[field] = value
    return _parse_responses(name, rows, scored=True)
