"""What stands between this process and an endpoint: a proxy and certificates that the environment names.

The HTTP library follows these variables without a word; an error that does not name them sends its reader to
look at the endpoint.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def proxy_for(url: str) -> str:
    """The proxy that an address is asked through and the variable that names it; "" where there is none."""
    parts, proxies = urlsplit(url), getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), None)
    if kind is None or proxy_bypass(parts.hostname or ""):
        return ""
    return f"the proxy {_without_password(proxies[kind])} of {_variable(kind)}"


def by_way_of(url: str) -> str:
    """The proxy, with how to do without it, to be put behind an error; "" where there is none."""
    proxy = proxy_for(url)
    return f"; it is asked through {proxy} (to ask without, name its host in NO_PROXY)" if proxy else ""


def certificates(error: BaseException) -> str:
    """The files of certificates that the environment names, where an error is about certificates or files;
    "" for another error, or where none is named."""
    about = isinstance(error, OSError) or "CERTIFICATE" in str(error) or "[SSL" in str(error)
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
