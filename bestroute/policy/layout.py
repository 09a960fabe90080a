"""A policy as people write it: one line a thing, with comments on what each is for."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from bestroute.policy.schema import Policy

_COLUMN = 40
_DIALS = {
    "max_gap": "the dial: quality points (of 1) that a query may be expected to lose",
    "min_match": "the dial: how probable it must be that nothing is lost",
    "cost_per_point": "the dial: US$ that a whole quality point of one query is worth",
}
_NOTES = {
    "name": "what tiers, rules and decisions call it",
    "class": "what the router has learned it as: small, medium or large",
    "price": "US$ per million tokens",
}
# Not the words that some readers take for truth values.
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[a-z][a-z0-9_./+-]*", re.IGNORECASE)
_ENDPOINT = "{base_url: 'https://api.openai.com/v1', api_key_env: OPENAI_API_KEY}"
_VARIANT = "params: {reasoning_effort: low}   # request fields; two entries may be one endpoint's two efforts"


def write_policy(policy: Policy, schema: str = "", listed: Mapping[str, str] = MappingProxyType({})) -> str:
    """YAML that reads as this policy: what differs from the defaults, with comments.

    `schema` is the path, from the file, of the JSON Schema that editors are to check it by; `listed` tells,
    by model, whose list a price is from, and of what day.
    """
    content = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return "\n".join(_lines(content, schema, listed)) + "\n"


def _lines(content: dict[str, Any], schema: str, listed: Mapping[str, str]) -> Iterator[str]:
    if schema:
        yield f"# yaml-language-server: $schema={schema}"
    yield f"version: {content.pop('version')}"
    yield ""
    yield "models:"
    for index, model in enumerate(content.pop("models")):
        yield from _model(model, listed.get(model["name"]), first=index == 0)
    yield ""
    yield _noted(f"reference: {_flow(content.pop('reference'))}", "whose quality must be matched")
    for key, note in _DIALS.items():
        if key in content:
            yield _noted(f"{key}: {_flow(content.pop(key))}", note)
    yield ""
    yield _noted("tiers:", "tried top to bottom, cheapest first; the last is the reference")
    for tier in content.pop("tiers"):
        yield f"  - {_flow(tier)}"
    if "rules" in content:
        yield ""
        yield _noted("rules:", "before the router; the first whose conditions all hold decides")
        for rule in content.pop("rules"):
            yield from _entries(rule, {})
    for key, value in content.items():
        yield ""
        yield f"{key}: {_flow(value)}"


def _model(model: dict[str, Any], listed: str | None, first: bool) -> Iterator[str]:
    notes = dict(_NOTES) if first else {}
    if listed:
        notes["price"] = ", ".join(filter(None, [notes.get("price"), f"as of {listed}"]))
    yield from _entries(model, notes)
    if "endpoint" not in model:
        yield f"    # endpoint: {_ENDPOINT}" + ("   # needed by `ask`, not by `route`" if first else "")
    if first and "params" not in model:
        yield f"    # {_VARIANT}"


def _entries(values: dict[str, Any], notes: dict[str, str]) -> Iterator[str]:
    """A mapping as an item of a list, a line for each key."""
    for index, (key, value) in enumerate(values.items()):
        yield _noted(f"  {'  ' if index else '- '}{key}: {_flow(value)}", notes.get(key, ""))


def _noted(line: str, note: str) -> str:
    return f"{line.ljust(_COLUMN - 2)}  # {note}" if note else line


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}" if float(f"{value:.2f}") == value else repr(value)
    return _text(value) if isinstance(value, str) else str(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    style = "'" if text.isprintable() else '"'
    return yaml.dump(text, default_style=style, allow_unicode=True, width=math.inf).rstrip("\n")
