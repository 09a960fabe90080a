"""The OpenAPI document of the gateway: every address, what it takes and what it answers.

Of a chat completion it tells the fields that the gateway reads itself; all others go on to the model.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from bestroute.query.request import MOST_TOKENS

_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}
_NUMBER = {"type": ["number", "null"]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": [*required]} if required else {})}


_METADATA = {
    "type": ["object", "null"],
    "description": "What rules may look at. `bestroute` in it is for the gateway alone. Names that begin "
    "with `key.` are told by the caller's key alone.",
    "propertyNames": {"not": {"pattern": r"^\s*[Kk][Ee][Yy]\."}},
    "properties": {
        "bestroute": {
            "anyOf": [
                {
                    **_object(
                        explain={"type": "boolean"},
                        max_gap={"type": "number"},
                        model=_TEXT,
                        route_only={"type": "boolean"},
                        session=_TEXT,
                    ),
                    "patternProperties": {"^(max-gap|route-only)$": True},
                    "additionalProperties": False,
                },
                {"type": "string", "description": "Words, such as `explain, max_gap=0.02`."},
            ]
        }
    },
}
_PART = {"anyOf": [_TEXT, _object(("type",), type=_TEXT, text=_TEXT)]}
_MESSAGE = _object(
    ("role",),
    role={"enum": ["assistant", "developer", "function", "system", "tool", "user"]},
    content={"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": _PART}]},
)
_TEXT_BLOCK = _object(("type", "text"), type={"const": "text"}, text=_TEXT)
_TURN = _object(
    ("role", "content"),
    role={"enum": ["assistant", "user"]},
    content={"anyOf": [_TEXT, {"type": "array", "items": _TEXT_BLOCK}]},
)
_MODEL_NAME = {"type": ["string", "null"], "description": "`auto` if absent, or a name of /v1/models."}
_LIMIT = {"type": ["integer", "null"], "minimum": 1, "maximum": MOST_TOKENS}
_QUERY = _object(
    query={"type": "string", "description": "One of query and messages is needed."},
    messages={"type": "array", "items": _ref("Message"), "minItems": 1},
    metadata=_ref("Metadata"),
)
_SCHEMAS: dict[str, Any] = {
    "Message": _MESSAGE,
    "Metadata": _METADATA,
    "Query": _QUERY,
    "ChatRequest": {
        **_object(
            ("messages",),
            model=_MODEL_NAME,
            messages={"type": "array", "items": _ref("Message"), "minItems": 1},
            metadata=_ref("Metadata"),
            stream={"type": ["boolean", "null"]},
            stream_options={**_object(include_usage={"type": "boolean"}), "type": ["object", "null"]},
            n={"enum": [1, None]},
            tools={"type": ["array", "null"], "items": _OBJECT},
            response_format={"type": ["object", "null"]},
            max_tokens=_LIMIT,
            max_completion_tokens=_LIMIT,
            temperature=_NUMBER,
            top_p=_NUMBER,
            frequency_penalty=_NUMBER,
            presence_penalty=_NUMBER,
        ),
        "description": "Every field of a chat completion, known or not, goes on to the model.",
    },
    "ChatCompletion": _object(
        ("id", "object", "model", "choices"),
        id=_TEXT,
        object={"const": "chat.completion"},
        model=_TEXT,
        choices={"type": "array", "items": _OBJECT},
        usage=_OBJECT,
        bestroute={"type": "object", "description": "How it came about, where the request asks for it."},
    ),
    "MessagesRequest": {
        **_object(
            ("messages",),
            model=_MODEL_NAME,
            messages={"type": "array", "items": _TURN, "minItems": 1},
            system={"anyOf": [_TEXT, {"type": "array", "items": _TEXT_BLOCK}]},
            metadata=_ref("Metadata"),
            stream={"type": ["boolean", "null"]},
            tools={"type": ["array", "null"], "items": _object(("name",), name=_TEXT, input_schema=_OBJECT)},
            max_tokens=_LIMIT,
            temperature=_NUMBER,
            top_p=_NUMBER,
        ),
        "description": "As Anthropic's clients send it, translated to a chat completion.",
    },
    "AnswerMessage": _object(
        ("id", "type", "role", "model", "content", "stop_reason", "usage"),
        id=_TEXT,
        type={"const": "message"},
        role={"const": "assistant"},
        model=_TEXT,
        content={"type": "array", "items": _OBJECT},
        stop_reason=_TEXT,
        usage=_OBJECT,
    ),
    "MessagesError": _object(
        ("type", "error"),
        type={"const": "error"},
        error=_object(("type", "message"), type=_TEXT, message=_TEXT),
    ),
    "Decision": _object(
        ("model", "n", "cause", "expected_cost", "reference_cost", "policy"),
        model=_TEXT,
        n={"type": "integer"},
        cause=_TEXT,
        rule={"type": ["string", "null"]},
        gap=_NUMBER,
        expected_cost=_NUMBER,
        reference_cost=_NUMBER,
        policy=_TEXT,
    ),
    "Decisions": _object(("decisions",), decisions={"type": "array", "items": _ref("Decision")}),
    "RouteRequest": {
        "anyOf": [
            {
                **_object(
                    ("queries",),
                    queries={"type": "array", "minItems": 1, "items": {"anyOf": [_TEXT, _ref("Query")]}},
                ),
            },
            _ref("Query"),
        ],
        "properties": {"model": _MODEL_NAME},
    },
    "Model": _object(
        ("id", "object", "created", "owned_by"),
        id=_TEXT,
        object={"const": "model"},
        created={"type": "integer"},
        owned_by=_TEXT,
    ),
    "Models": _object(
        ("object", "data"), object={"const": "list"}, data={"type": "array", "items": _ref("Model")}
    ),
    "Health": _object(("status",), status={"const": "ok"}),
    "Ready": _object(
        ("ready", "why", "unaskable", "policies", "reloads", "refused", "worker"),
        ready={"type": "boolean"},
        why={"type": "array", "items": _TEXT},
        unaskable={
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": _TEXT},
        },
        policies={"type": "object", "additionalProperties": _TEXT},
        reloads={"type": "integer"},
        refused={"type": "array", "items": _TEXT},
        worker={"type": "integer"},
    ),
    "Error": _object(
        ("error",),
        error=_object(
            ("message", "type", "param", "code"),
            message=_TEXT,
            type=_TEXT,
            param={"type": ["string", "null"]},
            code={"type": ["string", "null"]},
        ),
    ),
}
_MEANINGS = {
    400: "the request is none, or every model refuses it",
    401: "no key, or none that is known",
    403: "the key may not; without keys, a page from elsewhere may not",
    404: "no such model",
    408: "the body did not come in time",
    413: "the body is too large",
    415: "the body is said to be no JSON",
    429: "the key's rate or budget is used up, or every model is over its own",
    502: "no model answered, or none as the request demands",
}
_ASKED = (400, 401, 403, 404, 408, 413, 415, 429)


def _json(schema: dict[str, Any], told: str) -> dict[str, Any]:
    return {"description": told, "content": {"application/json": {"schema": schema}}}


def _responses(told: dict[str, Any], *errors: int, shape: str = "Error") -> dict[str, Any]:
    return {"200": told, **{str(one): _json(_ref(shape), _MEANINGS[one]) for one in errors}}


def _header(name: str, schema: dict[str, Any], told: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": told}


_WISHES = [
    _header("x-bestroute-max-gap", {"type": "number"}, "another dial, within what the policy allows"),
    _header("x-bestroute-model", _TEXT, "this model answers"),
]
_OF_CHAT = [
    *_WISHES,
    _header("x-bestroute-explain", {"type": "boolean"}, "tell in the body how it came about"),
    _header("x-bestroute-route-only", {"type": "boolean"}, "the decision in place of an answer"),
]


def _post(
    name: str, told: str, body: str, wishes: list[dict[str, Any]], answer: dict[str, Any]
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": name,
            "summary": told,
            "parameters": wishes,
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
            "responses": answer,
        }
    }


def _get(name: str, told: str, answer: dict[str, Any], open_: bool = False, **more: Any) -> dict[str, Any]:
    security: dict[str, Any] = {"security": []} if open_ else {}
    return {"get": {"operationId": name, "summary": told, "responses": answer, **security, **more}}


def _answer(schema: str) -> dict[str, Any]:
    answer = _json({"anyOf": [_ref(schema), _ref("Decision")]}, "the answer, or with route-only the decision")
    answer["content"]["text/event-stream"] = {"schema": _TEXT}
    return answer


def _paths() -> dict[str, Any]:
    decided = _json({"anyOf": [_ref("Decisions"), _ref("Decision")]}, "the decision, or one for each query")
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    counts = {"description": "counts for Prometheus", "content": {"text/plain": {"schema": _TEXT}}}
    ready = _responses(_json(_ref("Ready"), "it would answer at once"))
    ready["503"] = _json(_ref("Ready"), "it is starting, or no model of a policy can be asked")
    return {
        "/v1/chat/completions": _post(
            "chat", "Answer by the model that the policy decides on", "ChatRequest", _OF_CHAT,
            _responses(_answer("ChatCompletion"), *_ASKED, 502),
        ),
        "/v1/messages": _post(
            "messages", "The same for Anthropic's clients", "MessagesRequest", _OF_CHAT,
            _responses(_answer("AnswerMessage"), *_ASKED, 502, shape="MessagesError"),
        ),
        "/v1/route": _post(
            "route", "Decide, and ask no model", "RouteRequest", _WISHES, _responses(decided, *_ASKED)
        ),
        "/v1/models": _get(
            "models", "What `model` may be", _responses(_json(_ref("Models"), "all"), 401, 403)
        ),
        "/v1/models/{name}": _get(
            "model", "One of them", _responses(_json(_ref("Model"), "it"), 401, 403, 404), parameters=[name]
        ),
        "/healthz": _get("healthz", "Whether it lives", _responses(_json(_ref("Health"), "it does")), True),
        "/readyz": _get("readyz", "Whether it would answer at once", ready, True),
        "/metrics": _get("metrics", "Counts, for operators", _responses(counts, 401, 403)),
    }  # fmt: skip


def document(asks_for_keys: bool) -> dict[str, Any]:
    """The document, with keys where the gateway asks for them."""
    components: dict[str, Any] = {"schemas": _SCHEMAS}
    if asks_for_keys:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bestroute",
            "version": version("bestroute"),
            "description": "One address for OpenAI's and Anthropic's clients; a policy decides who answers.",
        },
        "paths": _paths(),
        "components": components,
        **({"security": [{"key": []}]} if asks_for_keys else {}),
    }
