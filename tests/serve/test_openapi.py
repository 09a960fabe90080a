"""The document that the gateway publishes holds, and the gateway holds to it, whatever it is sent."""

import copy
import json
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bestroute.serve.keys.load import append, new_key
from bestroute.serve.openapi import document
from tests.serve.gateway import POLICY, started
from tests.serve.of_schema import of_schema
from tests.serve.test_bad_input import VALUES, check_shape

DOCUMENT = json.loads(json.dumps(document(False)))
SLOW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
POSTS = [path for path, found in DOCUMENT["paths"].items() if "post" in found]


def resolved(schema):
    """A schema with what it refers to in place."""
    if isinstance(schema, list):
        return [*map(resolved, schema)]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return {name: resolved(value) for name, value in schema.items()}


def bodies(path):
    body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return of_schema(resolved(body))


BODIES = {path: bodies(path) for path in POSTS}


def check(reply, path, method="post"):
    """The response is one of the document's, and is as that says."""
    told = DOCUMENT["paths"][path][method]["responses"]
    assert str(reply.status) in told, reply.body
    kind = reply.headers["content-type"].partition(";")[0]
    schema = told[str(reply.status)]["content"][kind]["schema"]
    if kind == "application/json":
        jsonschema.validate(reply.json, resolved(schema))
    if reply.status != 200 and path != "/v1/messages":
        check_shape(reply)


def test_the_document_is_published_and_holds(gateway):
    published = gateway.get("/openapi.json").json
    assert published == DOCUMENT
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(resolved(schema))
    names = [one["operationId"] for found in DOCUMENT["paths"].values() for one in found.values()]
    assert sorted(names) == sorted({*names})


def test_every_address_is_in_it(gateway):
    """And answers as it says."""
    for path, found in DOCUMENT["paths"].items():
        if "get" in found:
            check(gateway.get(path.replace("{name}", "tiny")), path, "get")
            check(gateway.get(path.replace("{name}", "tiny")), path, "get")
    check(gateway.get("/v1/models/nobody"), "/v1/models/{name}", "get")


@pytest.mark.parametrize("path", POSTS)
def test_requests_as_the_document_has_them(gateway, path):
    @SLOW
    @given(body=BODIES[path])
    def asked(body):
        check(gateway.post(path, body), path)

    asked()


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*path, name))


def put(value, path, other):
    if not path:
        return other
    changed = copy.deepcopy(value)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = other
    return changed


@pytest.mark.parametrize("path", POSTS)
def test_requests_with_another_value_at_any_place(gateway, path):
    @SLOW
    @given(body=BODIES[path], data=st.data())
    def asked(body, data):
        place = data.draw(st.sampled_from([*places(body)]))
        check(gateway.post(path, put(body, place, data.draw(VALUES))), path)

    asked()


HEADERS = [one["name"] for one in DOCUMENT["paths"][POSTS[0]]["post"]["parameters"]]


@SLOW
@given(
    headers=st.dictionaries(
        st.sampled_from([*HEADERS, "x-request-id", "authorization", "traceparent", "content-type"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20),
    )
)
def test_any_headers(gateway, headers):
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
    check(gateway.send("POST", POSTS[0], body, **headers), POSTS[0])


@SLOW
@given(name=st.text(min_size=1, max_size=30))
def test_any_name_of_a_model(gateway, name):
    reply = gateway.get("/v1/models/" + quote(name, safe="", errors="replace"))
    check(reply, "/v1/models/{name}", "get")


def test_with_keys_the_document_says_so(tmp_path, fake_endpoint):
    key, kept = new_key("a", operator=True)
    append(kept, tmp_path / "keys.yaml")
    with started(
        tmp_path, POLICY.format(url=fake_endpoint.base_url, dial=1.0), keys=str(tmp_path / "keys.yaml")
    ) as one:
        told = one.get("/openapi.json").json
        assert told == json.loads(json.dumps(document(True)))
        for path, found in told["paths"].items():
            for method, operation in found.items():
                place = path.replace("{name}", "tiny")
                open_ = operation.get("security") == []
                assert one.send(method.upper(), place, b"{}" if method == "post" else None).status == (
                    200 if open_ else 401
                )
                with_key = one.send(
                    method.upper(), place, b"{}" if method == "post" else None, authorization=f"Bearer {key}"
                )
                assert with_key.status == (400 if method == "post" else 200)
