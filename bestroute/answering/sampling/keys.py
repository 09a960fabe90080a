"""An endpoint's key: where it is read, and the headers that it goes in."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from bestroute.errors import SamplingError
from bestroute.policy.arms import Endpoint, Model

_NO_KEY = "no-key"
_AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn", ".azure-api.net")


def read_key(endpoint: Endpoint, model_name: str) -> str | None:
    """The endpoint's key, from the environment variable it names; None where it names none.

    Raises SamplingError, naming the variable and never its value, when the variable is unset or no key.
    """
    variable = endpoint.api_key_env
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise SamplingError(
            f"environment variable {variable} is not set; "
            f"export it, or take api_key_env out of the endpoint of model {model_name!r}"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SamplingError(f"environment variable {variable} holds characters that no key has")
    return key


def has_key(model: Model) -> bool:
    """Whether some endpoint of a model has its key, or wants none."""
    for endpoint in model.places:
        try:
            read_key(endpoint, model.name)
            return True
        except SamplingError:
            continue
    return False


def key_headers(base_url: str, key: str | None) -> dict[str, str]:
    """A key goes as a bearer; Azure takes its own keys, which are no tokens, in `api-key`.

    A gateway before Azure, at an address of its own with ?api-version=..., may take either, and gets both.
    Some servers want a bearer even where they want no key.
    """
    key = key or _NO_KEY
    bearer = {"authorization": f"Bearer {key}"}
    parts = urlsplit(base_url)
    if (parts.hostname or "").endswith(_AZURE_HOSTS):
        return bearer if key.count(".") == 2 else {"api-key": key}
    return {**bearer, "api-key": key} if parts.query else bearer
