"""What calls are billed: by the endpoint's own count of tokens where it is one, else by an estimate.

A count is believed where it is above zero; an endpoint that says a text cost nothing has not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bestroute.answering.sampling.values import Sample, Sampled, Usage
from bestroute.policy.arms import Model
from bestroute.query import Query

_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_DETAILS = ("completion_tokens_details", "output_tokens_details")
_PROMPT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")
_READ = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")
"""What came from a cache, as Anthropic, DeepSeek and Moonshot say it beside the details."""
_ABSURD = 10**12


def read_usage(document: Any) -> Usage | None:
    """The count in a reply or an error, also inside its `error`; None where there is none.

    A number that is missing or no count is 0. Thinking is output: some servers count it inside
    `completion_tokens`, others beside, where it shows in the total or in being more than the whole. What was
    cached is input: Anthropic counts it beside `input_tokens`, and the total shows where others do.
    """
    if not isinstance(document, Mapping):
        return None
    report = document.get("usage")
    if not isinstance(report, Mapping):
        return read_usage(document.get("error"))
    prompt, said = _first(report, _INPUT), _first(report, _OUTPUT)
    thought, total = _thought(report), _count(report.get("total_tokens"))
    written = said + (thought if thought > said else 0)
    cached = sum(_count(report.get(name)) for name in _CACHED)
    if "prompt_tokens" not in report or total >= prompt + cached + written:
        prompt += cached
    if prompt:
        written = max(written, total - prompt)
    else:
        prompt = max(0, total - written)
    thought = max(thought, written - said if said else 0)
    read = min(prompt, _detail(report, _PROMPT_DETAILS, "cached_tokens") or _first(report, _READ))
    return Usage(prompt, written, read, min(thought, written)) if prompt or written else None


def billed(reported: Usage | None, samples: Sequence[Sample], prompt_tokens: int) -> Usage:
    """The bill of calls that gave these samples to prompts of so many tokens in all.

    What was not reported is estimated, from what the samples hold; a call that gave none and reported
    nothing is free.
    """
    known = Usage(0, 0) if reported is None else reported
    prompt, written = max(known.input_tokens, 0), max(known.output_tokens, 0)
    if not prompt and (samples or written):
        prompt = prompt_tokens
    written = written or sum(sample.written_tokens for sample in samples)
    if (prompt, written) == (known.input_tokens, known.output_tokens):
        return known
    return replace(known, input_tokens=prompt, output_tokens=written)


def share(sample: Sample, bill: Usage, samples: Sequence[Sample], prompts: int) -> tuple[float, float]:
    """Tokens of one response and of its prompt (input, output), of a bill for several: its own count where it
    has one, else its part by length, of nothing but blank ones an even part."""
    prompt = sample.input_tokens or bill.input_tokens / prompts
    if sample.output_tokens is not None:
        return prompt, sample.output_tokens
    length = sum(one.written_tokens for one in samples)
    part = sample.written_tokens / length if length else 1 / len(samples)
    return prompt, bill.output_tokens * part


def shares(samples: Sequence[Sample], reported: Usage | None) -> list[float]:
    """Output tokens of each response that a call gave; together they are what was billed."""
    bill = billed(reported, samples, 0)
    return [share(sample, bill, samples, 1)[1] for sample in samples]


def _thought(report: Mapping[str, Any]) -> int:
    return _detail(report, _DETAILS, "reasoning_tokens") or _count(report.get("reasoning_tokens"))


def _detail(report: Mapping[str, Any], places: Sequence[str], name: str) -> int:
    """A count inside the details of a report; 0 where there is none."""
    found = (report.get(place) for place in places)
    return next(
        filter(None, (_count(details.get(name)) for details in found if isinstance(details, Mapping))), 0
    )


def _first(report: Mapping[str, Any], names: Sequence[str]) -> int:
    return next(filter(None, (_count(report.get(name)) for name in names)), 0)


def _count(value: Any) -> int:
    """A whole number above zero, also written as 10.0; 0 for anything else."""
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if whole and 0 < value < _ABSURD else 0


@dataclass(frozen=True)
class Bill:
    """What a reply comes to: US$, tokens, and US$ of each response at the reference's price."""

    cost: float
    usage: Usage
    at_reference: tuple[float, ...]


def bill(reference: Model, model: Model, query: Query, reply: Sampled) -> Bill:
    """The bill of a reply: by the usage that the endpoint reported, else by the texts.

    Its cost is at least what was reported, never negative, and never less for more samples. At the
    reference's price what was cached counts as if the reference had it cached too; a single response that it
    wrote itself costs the bill.
    """
    calls = 1 if model.native else len(reply.samples)
    usage = billed(reply.usage, reply.samples, calls * query.input_tokens)
    cost = model.cost(1, usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    return Bill(cost, usage, tuple(_at_reference(reference, model, reply, cost, usage)))


def _at_reference(
    reference: Model, model: Model, reply: Sampled, cost: float, usage: Usage
) -> Sequence[float]:
    if model.name == reference.name and len(reply.samples) == 1:
        return [cost]
    calls = 1 if model.native else max(1, len(reply.samples))
    shares = [share(sample, usage, reply.samples, calls) for sample in reply.samples]
    cached = usage.cached_tokens / usage.input_tokens if usage.input_tokens else 0.0
    return [reference.cost(1, prompt, written, cached * prompt) for prompt, written in shares]
