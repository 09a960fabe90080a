"""Why a call gave nothing, told so that whoever reads it knows where to look."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import re2

from bestroute.answering.sampling.complaints import error_text
from bestroute.answering.sampling.surroundings import by_way_of, certificates
from bestroute.errors import SamplingError, require
from bestroute.policy.arms import Endpoint

_NO_KEY = (401, 403)
_NOT_HERE = (404, 405)
_OF_A_PROXY = (407, 502, 503, 504)
_VERSION = re2.compile(r"/v\d\w*(?:/|$)")
_NO_TLS = r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL"
_WHOLE_PATH = "/chat/completions"


def describe(error: Exception, endpoint: Endpoint) -> str:
    """What went wrong with a call, and what to look at."""
    openai = require("openai", "client")
    if isinstance(error, SamplingError):
        return str(error)
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        place = f" at {error.request.url}" if status in _NOT_HERE else ""
        return f"HTTP {status}{place}: {error_text(_said(error))}{hints(status, endpoint)}"
    if isinstance(error, openai.APIConnectionError):
        cause = str(error.__cause__ or "") or type(error.__cause__ or error).__name__
        return f"cannot reach {error.request.url}: {cause}{_around(error.__cause__ or error, endpoint)}"
    return f"{type(error).__name__}: {error}"


def describe_opening(error: Exception, endpoint: Endpoint) -> str:
    """Why a client could not be opened: an address, a key, a proxy or a file that cannot be used."""
    return f"no connection can be made: {error}{_around(error, endpoint)}"


def hints(status: int, endpoint: Endpoint) -> str:
    """What a status may mean, beyond what the endpoint says of it: a key, an address, a proxy."""
    if status in _NO_KEY:
        return _about_the_key(endpoint)
    if status in _OF_A_PROXY:
        return by_way_of(endpoint.base_url)
    return _about_the_address(endpoint) if status in (200, *_NOT_HERE) else ""


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


def _said(error: Any) -> Any:
    return error.body or error.response.text


def _around(error: BaseException, endpoint: Endpoint) -> str:
    speaks_http = endpoint.base_url.startswith("https") and re2.search(_NO_TLS, str(error)) is not None
    hint = "; base_url says https, and the server may speak http" if speaks_http else ""
    return hint + certificates(error) + by_way_of(endpoint.base_url)
