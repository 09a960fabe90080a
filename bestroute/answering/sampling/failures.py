"""Why a call gave nothing, told so that whoever reads it knows where to look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import re2

from bestroute.answering.sampling.complaints import error_text
from bestroute.answering.sampling.surroundings import by_way_of, certificates
from bestroute.answering.sampling.upstream import BrokenOff, Reply, Unreached
from bestroute.errors import SamplingError
from bestroute.policy.arms import Endpoint

_NO_KEY = (401, 403)
_NOT_HERE = (404, 405)
_ELSEWHERE = (301, 302, 303, 307, 308)
_OF_A_PROXY = (407, 502, 503, 504)
_VERSION = re2.compile(r"/v\d\w*(?:/|$)")
_NO_TLS = r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL"
_PASSWORD = re2.compile(r"//[^/@\s]+@")  # of a proxy
_WHOLE_PATH = "/chat/completions"


def describe(error: Exception, endpoint: Endpoint) -> str:
    """What went wrong with a call that got no whole reply, and what to look at."""
    if isinstance(error, (BrokenOff, SamplingError)):
        return str(error)
    if isinstance(error, Unreached):
        cause = _cause(error)
        told = _PASSWORD.sub("//", str(cause)) or type(cause).__name__
        return f"cannot reach {error.url}: {told}{_around(cause, endpoint)}"
    return f"{type(error).__name__}: {error}"


def describe_refusal(reply: Reply, endpoint: Endpoint) -> str:
    """What an endpoint says that gives no answer, and what to look at."""
    place = f" at {reply.url}" if reply.status in _NOT_HERE else ""
    said = error_text(said_in(reply))
    return f"HTTP {reply.status}{place}{said and f': {said}'}{hints(reply, endpoint)}"


def said_in(reply: Reply) -> Any:
    """What a refusal says: its error where it is a JSON object that has one, all of its JSON, or its text."""
    try:
        said = json.loads(reply.text)
    except (ValueError, RecursionError):
        return reply.text
    inner = said.get("error") if isinstance(said, Mapping) else None
    return inner or said or reply.text


def describe_opening(error: Exception, endpoint: Endpoint) -> str:
    """Why a client could not be opened: an address, a key, a proxy or a file that cannot be used."""
    return f"no connection can be made: {error}{_around(error, endpoint)}"


def hints(reply: Reply, endpoint: Endpoint) -> str:
    """What a reply may mean, beyond what the endpoint says in it: a key, an address, a proxy."""
    status = reply.status
    if reply.moved or status in _ELSEWHERE:
        return _about_the_move(reply)
    if status in _NO_KEY:
        return _about_the_key(endpoint)
    if status in _OF_A_PROXY:
        return by_way_of(endpoint.base_url)
    return _about_the_address(endpoint) if status in (200, *_NOT_HERE) else ""


def _about_the_move(reply: Reply) -> str:
    """A redirect that is not followed, or that came to nothing: most make a POST a GET, without a body."""
    to = reply.headers.get("location") if reply.status in _ELSEWHERE else reply.url
    where = "does not say where" if to is None else f"leads to {to.partition('?')[0]}"
    return f"; base_url is redirected, which {where}: name the address that answers"


def _about_the_key(endpoint: Endpoint) -> str:
    if endpoint.api_key_env is None:
        return "; no key was sent: name its environment variable in api_key_env"
    return f"; the key sent is that of environment variable {endpoint.api_key_env}"


def _about_the_address(endpoint: Endpoint) -> str:
    path = urlsplit(endpoint.base_url).path.rstrip("/")
    if path.endswith(_WHOLE_PATH):
        return f"; base_url ends before {_WHOLE_PATH}, which is added"
    if urlsplit(endpoint.base_url).query or _VERSION.search(path):
        return ""
    return "; base_url may lack /v1 at its end"


def _cause(error: Unreached) -> BaseException:
    """Why nothing came, as the system says it: the library names the address once more."""
    cause = error.__cause__ or error
    for name in ("certificate_error", "os_error"):
        cause = getattr(cause, name, cause)
    return cause


def _around(error: BaseException, endpoint: Endpoint) -> str:
    speaks_http = endpoint.base_url.startswith("https") and re2.search(_NO_TLS, str(error)) is not None
    hint = "; base_url says https, and the server may speak http" if speaks_http else ""
    return hint + certificates(error) + by_way_of(endpoint.base_url)
