"""What stands between this process and an endpoint: a proxy and certificates that the environment names.

Nobody thinks of these variables; an error that does not name them sends its reader to look at the endpoint.
"""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OF_FILES = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, ssl.SSLError)
_PROXIES = ("http", "https")


def proxy_url(url: str) -> str | None:
    """The proxy that an address is asked through; None where there is none. Raises ValueError for a proxy of
    a kind that cannot be used."""
    found = _proxy(url)
    if found is None:
        return None
    proxy = found[1] if "://" in found[1] else f"http://{found[1]}"
    if urlsplit(proxy).scheme not in _PROXIES:
        raise ValueError(f"a proxy must be an address of {' or '.join(_PROXIES)}")
    return proxy


def proxy_for(url: str) -> str:
    """That proxy and the variable that names it, in words; "" where there is none."""
    found = _proxy(url)
    return "" if found is None else f"the proxy {_without_password(found[1])} of {_variable(found[0])}"


def _proxy(url: str) -> tuple[str, str] | None:
    """The kind of proxy for an address, and its own."""
    parts, proxies = urlsplit(url), getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), None)
    return None if kind is None or proxy_bypass(parts.hostname or "") else (kind, proxies[kind])


def by_way_of(url: str) -> str:
    """The proxy, with how to do without it, to be put behind an error; "" where there is none."""
    proxy = proxy_for(url)
    return f"; it is asked through {proxy} (to ask without, name its host in NO_PROXY)" if proxy else ""


def certificates(error: BaseException) -> str:
    """The files of certificates that the environment names, where an error is about certificates or files;
    "" for another error, or where none is named."""
    about = isinstance(error, _OF_FILES) or "CERTIFICATE" in str(error) or "[SSL" in str(error)
    named = [f"{name}={os.environ[name]}" for name in _CERTIFICATES if os.environ.get(name)] if about else []
    missing = [pair for pair in named if not os.path.exists(pair.partition("=")[2])]
    if missing:
        return f"; {' and '.join(missing)} is not there"
    return f"; certificates are those of {' and '.join(named)}" if named else ""


def _variable(kind: str) -> str:
    """The name as the environment has it, in small letters or in capitals."""
    name = f"{kind}_proxy"
    return next(
        (written for written in (name, name.upper()) if os.environ.get(written)), "the system's settings"
    )


def _without_password(proxy: str) -> str:
    scheme, separator, place = proxy.rpartition("://")
    return f"{scheme}{separator}{place.rpartition('@')[2]}"
