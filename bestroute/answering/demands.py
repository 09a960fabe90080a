"""What a request demands of every response: a response that breaks it cannot win.

Calls must be of tools that are offered, with arguments that are JSON and keep to the declared schema; where
the response is to be JSON it must be, and keep to its schema. Without the extra `schema` only the JSON is
looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bestroute.answering.sampling.values import Sample, Sampled
from bestroute.answering.schemas import breach
from bestroute.answering.toolcall import ToolCall
from bestroute.query import Query
from bestroute.text import finite


class Demands:
    """The demands of one request, read once."""

    def __init__(self, query: Query) -> None:
        fields = query.fields
        self._offered = dict(_offered(fields))
        self._must_call = _must_call(fields.get("tool_choice"))
        form = fields.get("response_format")
        self._format = form if isinstance(form, Mapping) else {}
        self.has_schemas = bool(self._offered) or self._format.get("type") == "json_schema"
        """Whether checking takes long enough to be kept off an event loop."""

    @property
    def of_all(self) -> bool:
        """Whether every response must be whole to show that it may win; else only one that calls tools."""
        return self._format.get("type") in ("json_object", "json_schema") or self._must_call is not None

    def check(self, reply: Sampled) -> Sampled:
        """The reply, with the reason at each response that cannot win."""
        faults = [sample.fault or self.fault(sample) for sample in reply.samples]
        if not any(faults):
            return reply
        found = (replace(one, fault=fault) for one, fault in zip(reply.samples, faults, strict=True))
        return replace(reply, samples=tuple(found))

    def fault(self, sample: Sample) -> str | None:
        """Why a response cannot win, in words; None where it can. A blank one lacks more than that."""
        if sample.blank:
            return None
        if sample.calls:
            faults = (self._fault_of_call(call) for call in sample.calls)
            missed = self._must_call and all(call.name != self._must_call for call in sample.calls)
            return next(filter(None, faults), f"{self._must_call} is not called" if missed else None)
        if self._must_call is not None:
            return f"{self._must_call or 'no tool'} is {'not ' if self._must_call else ''}called"
        return self._fault_of_text(sample)

    def _fault_of_call(self, call: ToolCall) -> str | None:
        if self._offered and call.name not in self._offered:
            return f"{call.name} is called, which is not offered"
        if call.free:
            return None
        try:
            arguments = _json(call.arguments or "{}")
        except (ValueError, RecursionError) as error:
            return f"the arguments of {call.name} are no JSON: {error}"
        why = breach(self._offered.get(call.name, {}), arguments)
        return None if why is None else f"the arguments of {call.name} break its schema: {why}"

    def _fault_of_text(self, sample: Sample) -> str | None:
        refused = (sample.message or {}).get("refusal") and not (sample.message or {}).get("content")
        if refused or self._format.get("type") not in ("json_object", "json_schema"):
            return None
        try:
            value = _json(sample.text)
        except (ValueError, RecursionError) as error:
            return f"it is no JSON: {error}"
        if self._format["type"] == "json_object":
            return None if isinstance(value, dict) else "it is no JSON object"
        why = breach(_schema_of(self._format), value)
        return None if why is None else f"it breaks the schema: {why}"


def _offered(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schema of every tool, by its name."""
    declared = [*_objects(fields.get("functions"))]
    for tool in _objects(fields.get("tools")):
        declared += [tool[kind] for kind in ("function", "custom") if isinstance(tool.get(kind), Mapping)]
    for one in declared:
        if isinstance(one.get("name"), str):
            yield one["name"], one.get("parameters") or {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, (list, tuple)) else ():
        if isinstance(one, Mapping):
            yield one


def _must_call(choice: Any) -> str | None:
    """The tool that must be called, "" for any; None where none must."""
    if choice == "required":
        return ""
    for kind in ("function", "custom") if isinstance(choice, Mapping) else ():
        if isinstance(choice.get(kind), Mapping) and isinstance(choice[kind].get("name"), str):
            return str(choice[kind]["name"])
    return None


def _schema_of(form: Mapping[str, Any]) -> Any:
    told = form.get("json_schema")
    return told.get("schema", {}) if isinstance(told, Mapping) else {}


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse, parse_float=finite)


def _refuse(name: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(f"{name} is no value of it")
