"""Prices as they are listed, for `price: auto`: by the package genai-prices, from the data that it brings.

The network is never asked, so a price is as new as the package. Where it depends on the length of the prompt
that of a short one stands, where it depends on the hour that of noon (UTC).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date, datetime, time, timezone
from functools import cache
from math import isclose
from typing import Any

from bestroute.errors import MissingExtra, require
from bestroute.policy.arms import Model, Price
from bestroute.policy.compose import Fault
from bestroute.policy.document import Document, clip, spell

AUTO = "auto"
_NAMED_BY_USERS = ("azure", "databricks", "modal")
"""Where whoever deploys a model names it, so that the name tells nothing for sure."""
_NEAREST = 3


class Unlisted(LookupError):
    """No price is listed; the message names the mend."""


def resolve_prices(document: Document) -> None:
    """Put its listed price where a model says `price: auto`; note a fault where none is listed."""
    for path, written in document.texts("models", "*", "price"):
        if written != AUTO:
            continue
        model = document.value["models"][path[1]]
        endpoint = model["endpoint"] if isinstance(model.get("endpoint"), dict) else {}
        name, url = endpoint.get("model", model.get("name")), endpoint.get("base_url")
        if not isinstance(name, str) or not isinstance(url, str | None):
            document.faulty.add(path)  # the name or the address is at fault, and is told of
            continue
        try:
            model["price"] = listed_price(name, url).model_dump()
        except (Unlisted, MissingExtra) as error:
            document.fault(path, f"{spell(path)}: {error}")


def listed_price(name: str, url: str | None = None) -> Price:
    """What a model costs today by its name at its provider, which its address tells, else its name.

    Raises Unlisted where that is not known, MissingExtra where genai-prices is not installed.
    """
    try:
        _, found = _data().find_provider_model(name, None, None, url)
    except LookupError:
        raise Unlisted(_why_not(name, url)) from None
    return _price(found)


def edition() -> str:
    """Whose prices these are, and of what day: `genai-prices 0.2.3, 2026-11-26`."""
    return f"{_package()}, {_today()}"


def moved_prices(models: tuple[Model, ...], document: Document) -> Iterator[Fault]:
    """A warning for each model whose price, as written, is not the one listed for its endpoint.

    Only of models that the endpoint names for sure, and where genai-prices is installed.
    """
    for index, model in enumerate(models):
        listed = _sure_price(model)
        if listed is not None and not _alike(listed, model.price):
            path = ("models", index, "price")
            yield Fault(
                document.place(path),
                f"{spell(path)}: {clip(model.served_as)} is listed at {_written(listed)} ({edition()}), not "
                f"{_written(model.price)}; write that, or `price: {AUTO}`, unless yours is by contract",
            )


def _sure_price(model: Model) -> Price | None:
    if model.endpoint is None:
        return None
    try:
        provider = _data().find_provider(None, None, model.endpoint.base_url)
        found = provider.find_model(model.served_as)
        return None if found is None or provider.id in _NAMED_BY_USERS else _price(found)
    except (LookupError, MissingExtra):
        return None


def _price(found: Any) -> Price:
    listed = found.get_prices(datetime.combine(_today(), time(12), timezone.utc))
    amounts = {key: getattr(listed, f"{key}_mtok") for key in ("input", "output")}
    if None in amounts.values():
        raise Unlisted(f"{_package()} lists no price by the token for {found.id!r}; {_mend()}")
    return Price(**{key: float(getattr(amount, "base", amount)) for key, amount in amounts.items()})


def _alike(one: Price, other: Price) -> bool:
    return isclose(one.input, other.input) and isclose(one.output, other.output)


def _written(price: Price) -> str:
    return f"{{input: {price.input:g}, output: {price.output:g}}}"


def _why_not(name: str, url: str | None) -> str:
    if url is None:
        names = [found.id for one in _data().providers if one.model_match for found in one.models]
        return (
            f"{_package()} lists no model {clip(name)}{_nearest(name, names)}; set endpoint.base_url, which "
            f"tells the provider, or {_mend()}"
        )
    try:
        provider = _data().find_provider(None, None, url)
    except LookupError:
        return f"{_package()} knows no provider at {clip(url)}; {_mend()}"
    names = [found.id for found in provider.models]
    return f"{_package()} lists no model {clip(name)} of {provider.id}{_nearest(name, names)}; {_mend()}"


def _nearest(name: str, names: list[str]) -> str:
    folded = {one.casefold(): one for one in names}
    close = difflib.get_close_matches(name[:200].casefold(), folded, n=_NEAREST, cutoff=0.5)
    return f" (the nearest: {', '.join(folded[one] for one in close)})" if close else ""


def _mend() -> str:
    return "write the price out, {input: ..., output: ...}"


def _today() -> date:
    return datetime.now(timezone.utc).date()


@cache
def _package() -> str:
    return f"genai-prices {require('genai_prices', 'prices').__version__}"


@cache
def _data() -> Any:
    """The package's own prices, whatever else this process has made it load."""
    _package()
    data, snapshots = (require(f"genai_prices.{part}", "prices") for part in ("data", "data_snapshot"))
    return snapshots.DataSnapshot(data.providers, False)
