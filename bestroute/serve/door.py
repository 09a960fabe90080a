"""What keeps a page that somebody reads from spending money here, where no keys are asked for.

A browser on this machine reaches a gateway that listens on it alone. No page can forge what the browser says
of it: the name that it asks by, which stays its own when that leads to another address, and where it is from.
Nor may a page send JSON elsewhere, as such, before it is allowed to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from bestroute.serve.refusals import Refusal


class Door:
    """Lets in who is no page of somebody else's; `host` is the address listened on, None for any name."""

    def __init__(self, host: str | None) -> None:
        self._host = host

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise Refusal (403) for a name that is not this machine's, and for a page from elsewhere. Without a
        name only HTTP/1.0 comes here, which no browser speaks."""
        host, origin = headers.get("host"), headers.get("origin")
        if host is not None and self._host is not None and not self._is_own(_name(host)):
            raise Refusal(
                403,
                f"{host[:100]!r} is no name of this machine: ask http://localhost, or serve with --keys or "
                "--open to let in whoever comes, by any name",
                "host_not_allowed",
            )
        if origin is not None and origin.lower().partition("://")[2] != (host or "").lower():
            raise Refusal(
                403,
                "pages from elsewhere may not ask a gateway that asks for no keys; with --keys they may "
                "through a proxy that adds the headers of CORS, which the gateway does not",
                "origin_not_allowed",
            )

    def check_body(self, headers: Mapping[str, str]) -> None:
        """Raise Refusal (415) for a body that says to be no JSON; one that says nothing may be."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise Refusal(
                415,
                f"the body is said to be {kind[:100]!r}; send content-type: application/json "
                "(curl -H 'content-type: application/json')",
                "unsupported_media_type",
            )

    def _is_own(self, name: str) -> bool:
        return name == str(self._host).lower() or is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a name or an address is this machine's to itself."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name of a Host header, without port and brackets; "" for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
