"""The JSON Schema (draft 2020-12) of a policy, for editors, generated from the values in `schema`.

It refuses every unknown or missing key, wrong type and number out of range that the loader refuses. It cannot
see what lies between two places or outside the file: names that must agree, the order of tiers, the sum of a
portfolio, min above max, whether RE2 reads a pattern or a keyword is visible, what the router has learned.
Nor does JSON Schema tell 2.0 from a whole number, or know `.nan` and `.inf`.

Its keywords mean the same in draft 7, the latest that some editors know.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bestroute.policy.schema import Policy

FILE_NAME = "policy.schema.json"


class _AsInTheFile(GenerateJsonSchema):
    """What may stand in the file, which is less than in Python: a key without a value is a fault there."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if described.get("default") in (None, "", []):  # it stands for "absent"; the file may not say so
            described.pop("default", None)
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        if "description" in described:  # the rest of a docstring is for those who read the code
            described["description"] = " ".join(described["description"].split("\n\n")[0].split())
        return described


def policy_schema() -> dict[str, Any]:
    """The schema, as plain values."""
    described = Policy.model_json_schema(by_alias=True, schema_generator=_AsInTheFile)
    return {"$schema": _AsInTheFile.schema_dialect, **described, "title": "bestroute policy"}


def schema_text() -> str:
    """The schema as a file holds it: ASCII, indented by two, with a newline at the end."""
    return json.dumps(policy_schema(), indent=2) + "\n"
