"""Records: one query with every model's (or class's) scored responses; as lines they are in `lines`.

Records are per model, never per arm: what n samples of a model are worth is computed from them exactly
(bestroute.records.quality), so prices, n, margin and reference change without new data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from bestroute.artefacts.sureness import Sureness
from bestroute.errors import InputError
from bestroute.query import Query

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


def unscored(
    samples: Sequence[Sample], tokens: Sequence[float], by: str, thinking_tokens: int = 0
) -> tuple[Response, ...]:
    """Responses as they came from a model, before an oracle scores them; `tokens` are the output of each,
    `thinking_tokens` all's."""
    each = thinking_tokens / len(samples) if samples and thinking_tokens else None
    return tuple(
        Response(None, sample.text, written, by, None, each, *sample.sureness)
        for sample, written in zip(samples, tokens, strict=True)
    )


def scores_of(responses: Iterable[Response]) -> list[float]:
    """The oracle scores. Raises InputError where one is missing."""
    known = [response.score for response in responses]
    if None in known:
        raise InputError("a response has no score; `bestroute score` gives the oracle's score, 0 to 1")
    return [score for score in known if score is not None]
