"""Records: one query with every model's (or class's) scored responses, as JSON lines.

Records are per model, never per arm: what n samples of a model are worth is computed from them exactly
(bestroute.records.quality), so prices, n, margin and reference change without new data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bestroute.artefacts.sureness import Sureness
from bestroute.errors import InputError
from bestroute.files import OnBad, read_lines
from bestroute.query import Query
from bestroute.text import estimate_tokens

if TYPE_CHECKING:
    from bestroute.answering.sampling import Sample

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Response:
    """One response: its oracle score (0 to 1; None before scoring), and where known its text, tokens, writer,
    proxy reward, how many of its tokens were thinking, and how sure its writer was of them: the mean log
    probability of a token, and the least lead of one over the likeliest other at its place, in nats."""

    score: float | None
    text: str | None = None
    output_tokens: float | None = None
    by: str | None = None
    reward: float | None = None
    thinking_tokens: float | None = None
    mean_logprob: float | None = None
    least_margin: float | None = None

    @property
    def sureness(self) -> Sureness:
        """How sure its writer was, as the posterior takes it."""
        return Sureness(self.mean_logprob, self.least_margin)


@dataclass(frozen=True, slots=True)
class Record:
    """One query (a text or a list of chat messages) and the responses of each class or model.

    `answer` is the right one, where it is known; `metadata` is what policy rules may ask for.
    """

    id: str
    source: str
    prompt: str | tuple[Mapping[str, Any], ...]
    responses: Mapping[str, tuple[Response, ...]]
    input_tokens: float | None = None
    answer: str | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """The prompt as JSON has it: `{"query"}` or `{"messages"}`."""
        prompt = self.prompt
        return {"query": prompt} if isinstance(prompt, str) else {"messages": list(prompt)}


@dataclass(frozen=True, slots=True)
class Preference:
    """One query, as the text that models read, with a response that was preferred over another."""

    id: str
    source: str
    prompt: str
    chosen: str
    rejected: str


def text_of(prompt: str | tuple[Mapping[str, Any], ...]) -> str:
    """The text of a prompt that models read, and that decides its split."""
    return prompt if isinstance(prompt, str) else Query.of([dict(message) for message in prompt]).text


def bucket(text: str, salt: str, count: int) -> int:
    """A stable number in 0..count-1 from a query's text, so the same query always falls on the same side.

    Give the text that is routed on (`Query.text`), so that it does not matter whether the record holds it as
    a text or as messages. White space does not count.
    """
    digest = hashlib.sha256(f"{salt}\0{' '.join(text.split())}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % count


def split_of(text: str) -> Split:
    """Which split a query belongs to, by its text: 75 % train, 10 % validation, 15 % test."""
    place = bucket(text, "split", 100)
    return "train" if place < 75 else "validation" if place < 85 else "test"


def family_of(source: str) -> str:
    """The family of a source: `mmlu_pro` of `mmlu_pro/math`, `all` of a blank one."""
    return source.split("/", 1)[0].strip() or "all"


def query_hash(text: str) -> int:
    """What an artefact remembers of a query it was trained on: 64 bits, from which no text comes back."""
    return bucket(text, "seen", 2**64)


def read_records(
    paths: Iterable[Path], on_bad: OnBad | None = None, *, scored: bool = True
) -> Iterator[Record]:
    """Records of `.jsonl` or `.jsonl.gz` files, in order; also reads the JSONL of microsoft/best-route-llm.

    A bad line raises InputError with file and line number, or goes to `on_bad` where given. A response
    without a score is bad, unless `scored` is False.
    """
    for path in paths:
        yield from read_lines(path, lambda line: parse_record(json.loads(line), scored=scored), on_bad)


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
        input_tokens=_number(raw.get("input_tokens"), "input_tokens"),
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


def scored_part(record: Record) -> Record:
    """The record with those of its responses that have a score."""
    scored = {
        name: tuple(item for item in items if item.score is not None)
        for name, items in record.responses.items()
    }
    return replace(record, responses={name: items for name, items in scored.items() if items})


def without_rewards(record: Record) -> Record:
    """The record without the rewards of those responses whose text is known, which can be rewarded anew."""
    responses = {
        name: tuple(item if item.text is None else replace(item, reward=None) for item in items)
        for name, items in record.responses.items()
    }
    return replace(record, responses=responses)


def tokens_of(sample: Sample) -> int:
    """Tokens of one response: as the endpoint counted them, else estimated."""
    return estimate_tokens(sample.text) if sample.output_tokens is None else sample.output_tokens


def unscored(samples: Sequence[Sample], by: str, thinking_tokens: int = 0) -> tuple[Response, ...]:
    """Responses as they came from a model, before an oracle scores them; `thinking_tokens` are all's."""
    each = thinking_tokens / len(samples) if samples and thinking_tokens else None
    return tuple(
        Response(None, sample.text, tokens_of(sample), by, None, each, *sample.sureness) for sample in samples
    )


def scores_of(responses: Iterable[Response]) -> list[float]:
    """The oracle scores. Raises InputError where one is missing."""
    known = [response.score for response in responses]
    if None in known:
        raise InputError("a response has no score; `bestroute score` gives the oracle's score, 0 to 1")
    return [score for score in known if score is not None]


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
        output_tokens=_number(item.get("output_tokens"), f"{place}.output_tokens"),
        by=None if item.get("by") is None else str(item["by"]),
        reward=_number(item.get("reward"), f"{place}.reward"),
        thinking_tokens=_number(item.get("thinking_tokens"), f"{place}.thinking_tokens"),
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
        input_tokens=_number(counts[0], "token_num_prompt") if counts else None,
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
