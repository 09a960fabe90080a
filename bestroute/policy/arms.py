"""Who can be asked, for how many responses, and what that costs.

These are the values that a policy file is made of: field names are the file's keys (`class` is `class_`
in Python). Every field's description is what the JSON Schema and the docs show.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bestroute.policy.params import Params

Capability = Literal["audio", "file", "image", "tools", "video"]
Feature = Literal["audio", "code", "file", "image", "math", "tools", "video"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
MOST_SAMPLES = 64
Samples = Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
DollarsPerMillion = Annotated[FiniteFloat, Field(ge=0)]


class Frozen(BaseModel):
    """Base of all policy values: immutable, no unknown keys, no silent type conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


_API_VERSION = r"api-version=(?:\d{4}-\d{2}-\d{2}(?:-[a-z]+)?|latest|preview|v\d+)"


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address such as http://localhost:8000/v1")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("must have a port between 0 and 65535, or none") from None
    if parts.username or parts.password or parts.fragment or not _is_version(parts.query):
        raise ValueError(
            "must not hold a key, password or query but Azure's ?api-version=YYYY-MM-DD; "
            "name a variable in api_key_env"
        )
    return url


def _is_version(query: str) -> bool:
    return not query or re2.fullmatch(_API_VERSION, query) is not None


class Price(Frozen):
    """What a model's tokens cost, in US$ per million."""

    input: DollarsPerMillion = Field(description="US$ per million prompt tokens", examples=[2.5])
    output: DollarsPerMillion = Field(description="US$ per million response tokens", examples=[10.0])
    cached_input: DollarsPerMillion | None = Field(
        default=None,
        description="US$ per million prompt tokens that its prompt cache holds; as input if absent",
        examples=[1.25],
    )

    @cached_property
    def cached(self) -> float:
        """US$ per million prompt tokens that its prompt cache holds; never more than others cost."""
        return self.input if self.cached_input is None else min(self.cached_input, self.input)


class Endpoint(Frozen):
    """Where a model is served: any OpenAI-compatible chat completions address."""

    base_url: Annotated[str, AfterValidator(_http_url)] = Field(
        description="address up to and with /v1; of an Azure deployment the address up to and with its name, "
        "and ?api-version=YYYY-MM-DD",
        examples=[
            "http://localhost:8000/v1",
            "https://api.openai.com/v1",
            "https://mine.openai.azure.com/openai/deployments/gpt-4o?api-version=2024-10-21",
        ],
        json_schema_extra={"pattern": rf"^https?://[^/?#@]+(/[^?#]*)?(\?{_API_VERSION})?$"},
    )
    model: Name | None = Field(
        default=None,
        description="the model's name there; the policy's name if absent",
        examples=["llama-3.1-8b-instruct"],
    )
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")] | None = Field(
        default=None,
        description="environment variable, in capitals, that holds the key",
        examples=["OPENAI_API_KEY"],
    )
    samples: Literal["native", "parallel"] = Field(
        default="parallel",
        description="native: one call with n, the prompt billed once; parallel: n calls, billed n times",
    )
    timeout_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] | None = Field(
        default=None,
        description="seconds for one call; the policy's sampling.timeout_s if absent",
        examples=[30],
    )
    temperature: Annotated[FiniteFloat, Field(ge=0, le=2)] | None = Field(
        default=None,
        description="spread of its samples; the policy's sampling.temperature if absent",
        examples=[0.7],
    )
    concurrency: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="calls under way at once, others wait their turn; no limit if absent",
        examples=[32],
    )


def _or_auto(described: dict[str, Any]) -> None:
    """In the file a price may be `auto`, which loading resolves."""
    described["anyOf"] = [{"$ref": described.pop("$ref")}, {"const": "auto"}]


class Model(Frozen):
    """An LLM that can answer: its name, capability class, prices, limits and endpoint."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["endpoint", "endpoints"]}})

    name: Name = Field(description="what tiers, rules and decisions call it", examples=["gpt-4o"])
    class_: Name = Field(
        default="",
        alias="class",
        description="capability class the router has learned, or an LLM that it knows by name, as `bestroute "
        "models` lists them; the model's name if absent",
        examples=["small", "medium", "large", "llama-3.1-8b"],
    )
    price: Price = Field(
        description="US$ per million tokens; auto: as genai-prices lists it for this name and endpoint",
        examples=[{"input": 2.5, "output": 10.0}],
        json_schema_extra=_or_auto,
    )
    context_window: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="tokens of prompt and response together; no limit if absent",
        examples=[128000],
    )
    capabilities: tuple[Capability, ...] = Field(
        default=(), description="what it can do beyond text", examples=[["image", "tools"]]
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="where it is served, by any OpenAI-compatible address; not needed to route",
        examples=[{"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"}],
    )
    params: Params | None = Field(
        default=None,
        description="request fields that make it a variant of what its endpoint serves",
        examples=[{"reasoning_effort": "low"}],
    )
    thinking_tokens: Annotated[FiniteFloat, Field(ge=0)] | None = Field(
        default=None,
        description="mean billed reasoning tokens a response, beyond what its class writes; `collect` and "
        "`score` tell them; 0 if absent",
        examples=[400],
    )
    endpoints: Annotated[tuple[Endpoint, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="in place of endpoint: several that serve the same model; the least loaded healthy one "
        "is asked, another where it fails",
        examples=[[{"base_url": "http://one:8000/v1"}, {"base_url": "http://two:8000/v1"}]],
    )

    @model_validator(mode="after")
    def _is_served_in_one_way(self) -> Model:
        if self.endpoint is not None and self.endpoints is not None:
            raise ValueError("has an endpoint beside endpoints; put it among them")
        return self

    @property
    def places(self) -> tuple[Endpoint, ...]:
        """Every endpoint that serves it; none where it only routes."""
        if self.endpoints is not None:
            return self.endpoints
        return () if self.endpoint is None else (self.endpoint,)

    @cached_property
    def column(self) -> str:
        """The router model's column that predicts this model: its class, or its own name."""
        return self.class_ or self.name

    def column_in(self, adapted: bool) -> str:
        """As `column`; its own name where an adapter has columns for the models themselves."""
        return self.name if adapted else self.column

    @cached_property
    def served_as(self) -> str:
        """The name that its endpoint knows it by."""
        return next((one.model for one in self.places if one.model), self.name)

    @cached_property
    def variant(self) -> str:
        """What its request fields are, as one text; "" where it has none."""
        return json.dumps(self.params, sort_keys=True) if self.params else ""

    @cached_property
    def native(self) -> bool:
        """Whether one call gives several responses, the prompt billed once, at every endpoint it has."""
        return bool(self.places) and all(one.samples == "native" for one in self.places)

    def cost(self, n: int, input_tokens: float, output_tokens: float, cached_tokens: float = 0.0) -> float:
        """US$ for n responses of `output_tokens` each to a prompt of `input_tokens`, of which the model's
        prompt cache holds `cached_tokens`.

        The prompt is billed once where the endpoint samples natively, else once a call
        (BEST-Route, Algorithm 1, assumes the former for every model).
        """
        prompts, price = 1 if self.native else n, self.price
        prompt = input_tokens * price.input - cached_tokens * (price.input - price.cached)
        return (prompts * prompt + n * output_tokens * price.output) / 1e6

    def written(self, tokens: float, max_tokens: int, adapted: bool) -> float:
        """Output tokens that a response is billed, where so many are predicted: at most `max_tokens`, and its
        thinking besides, which an adapter's prediction has in it."""
        return min(tokens, max_tokens) + (0.0 if adapted else self.thinking_tokens or 0.0)


class Arm(Frozen):
    """Ask this model for n responses, or each of several for some, and keep the best of all.

    Written `model` and `n`, or `models`: names with the responses to ask each for. Constructed either way, an
    arm is the same value whatever the order of its models: `model` is then its name, `a+b` for a portfolio of
    a and b, `n` all its responses, and `models` what each model is asked for, in order of name.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["model"]}, {"required": ["models"]}],
            "not": {"required": ["models", "n"]},
        }
    )

    model: Name = Field(default="", description="name of one of the models", examples=["gpt-4o"])
    n: Samples = Field(default=1, description="responses to ask for; the best is kept", examples=[3])
    models: Annotated[dict[Name, Samples], Field(min_length=1)] = Field(
        default_factory=dict,
        description="in place of model and n: responses to ask each of several models for",
        examples=[{"llama-3.1-8b": 2, "qwen-2.5-72b": 1}],
    )

    @model_validator(mode="after")
    def _in_one_form(self) -> Arm:
        given = [name for name in ("model", "models") if name in self.model_fields_set]
        if len(given) != 1:
            has = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of model and models; this has {has}")
        if "models" in given and "n" in self.model_fields_set:
            raise ValueError("has an n beside models, which say how many each is asked for; remove n")
        parts = sorted(self.models.items()) if self.models else [(self.model, self.n)]
        total = sum(n for _, n in parts)
        if total > MOST_SAMPLES:
            raise ValueError(f"asks for {total} responses in all; at most {MOST_SAMPLES} may be asked for")
        one_form = {"model": "+".join(name for name, _ in parts), "n": total, "models": dict(parts)}
        self.__dict__.update(one_form)  # past the freeze: the value is only now being made
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """With `model` and `n` for one model, else with `models`: what an arm can be made of again."""
        derived = ("models",) if len(self.models) == 1 else ("model", "n")
        return {key: value for key, value in handler(self).items() if key not in derived}

    def __hash__(self) -> int:
        return hash(self.parts)

    def __eq__(self, other: object) -> bool:
        if type(self) is type(other) is Arm:  # as any value, and a tenth of the time
            return self.parts == other.parts
        return super().__eq__(other)

    @cached_property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Every model with the responses it is asked for, in order of name."""
        return tuple(self.models.items())

    @property
    def label(self) -> str:
        """The one written form of an arm: `name@n`, and of a portfolio `a@2+b@1`."""
        return "+".join(f"{name}@{n}" for name, n in self.parts)
