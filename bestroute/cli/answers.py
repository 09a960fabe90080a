"""What `bestroute init` was told about each model, by flags or by answers, and the models that this makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bestroute.policy.arms import Model, Price

T = TypeVar("T")
ALL = ""
"""Stands for every model that has no word of its own; no model can be named so."""

_FLAGS = {"base_url": "--endpoint", "api_key_env": "--key-env", "class": "--class", "max_gap": "--max-gap"}


@dataclass
class Answers:
    """Prices, classes, endpoints and keys by name of the model; `listed`: whose price was looked up."""

    prices: dict[str, Price] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)

    def read_prices(self, texts: Iterable[str]) -> None:
        """Take prices by model, from `NAME=INPUT/OUTPUT` or `NAME=auto` texts; endpoints are known by now."""
        form = "NAME=INPUT/OUTPUT, such as gpt-4o=2.50/10.00, or NAME=auto"
        for name, amounts in _by_name("--model", texts, lambda text: _split("--model", text, form)).items():
            if amounts == "auto":
                self.prices[name] = _listed(name, self.endpoint(name))
                self.listed.add(name)
            else:
                self.prices[name] = _price(name, amounts)

    def endpoint(self, name: str) -> str | None:
        """The address of this model, if any."""
        return self.endpoints.get(name, self.endpoints.get(ALL))

    def key(self, name: str) -> str | None:
        """The variable that holds the key of its endpoint, if any."""
        return self.keys.get(name, self.keys.get(ALL))

    def check(self, classes: Sequence[str], reference: str | None) -> None:
        """Raise UsageError, naming the flag, for what goes with no model or makes none."""
        if len(self.prices) < 2:
            raise refused("--model", "a policy chooses between models; give at least two")
        named = [*(("--class", name) for name in self.classes), *(("--endpoint", n) for n in self.endpoints)]
        named += [("--key-env", name) for name in self.keys]
        named += [("--reference", reference)] if reference is not None else []
        for flag, name in named:
            if name != ALL and name not in self.prices:
                raise refused(flag, f"no --model is named {name!r}; there are {', '.join(self.prices)}")
        for name, told in self.classes.items():
            if told not in classes:
                raise refused("--class", f"{name}={told}: the router has learned {', '.join(classes)}")
        for name in self.keys:
            if not (self.endpoints if name == ALL else self.endpoint(name)):
                raise refused("--key-env", f"{name or 'every model'} has no endpoint; give --endpoint too")

    def models(self, classes: dict[str, str]) -> list[Model]:
        """The models, in the order given. `classes`: of those of which none was told."""
        return [self._model(name, self.classes.get(name, classes[name])) for name in self.prices]

    def _model(self, name: str, class_: str) -> Model:
        from bestroute.policy.arms import Endpoint, Model

        url, key = self.endpoint(name), self.key(name)
        at = None if url is None else built(Endpoint, base_url=url, **({"api_key_env": key} if key else {}))
        return built(Model, name=name, class_=class_, price=self.prices[name], endpoint=at)


def read_pairs(flag: str, texts: Iterable[str]) -> dict[str, str]:
    """Values by model, from `NAME=VALUE` texts."""
    return _by_name(flag, texts, lambda text: _split(flag, text, "NAME=VALUE"))


def read_endpoints(texts: Iterable[str]) -> dict[str, str]:
    """Addresses by model, from `NAME=URL` texts, or of all models from a bare URL."""
    return _by_name("--endpoint", texts, _address)


def read_keys(texts: Iterable[str]) -> dict[str, str]:
    """Variables by model, from `NAME=VARIABLE` texts, or of all models from a bare VARIABLE."""
    return _by_name(
        "--key-env", texts, lambda text: _split("--key-env", text if "=" in text else f"={text}", "")
    )


def built(kind: Callable[..., T], **values: Any) -> T:
    """A value of the policy. Raises UsageError, naming the flag, for what it cannot hold."""
    from pydantic import ValidationError

    try:
        return kind(**values)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        key = str(detail["loc"][0])
        why = detail.get("ctx", {}).get("error", detail["msg"])
        raise refused(_FLAGS.get(key, "--model"), f"{key}: {why}") from None


def refused(flag: str, message: str) -> click.UsageError:
    """The error for what a flag was given."""
    return click.BadParameter(message, param_hint=flag)


def _by_name(flag: str, texts: Iterable[str], read: Callable[[str], tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for text in texts:
        name, value = read(text)
        if name in found:
            raise refused(flag, f"{name or text} is given twice")
        found[name] = value
    return found


def _price(name: str, amounts: str) -> Price:
    from bestroute.policy.arms import Price

    text = f"{name}={amounts}"
    try:
        input_, output = map(float, amounts.split("/"))
    except ValueError:
        raise refused("--model", f"{text!r} is not NAME=INPUT/OUTPUT, such as gpt-4o=2.50/10.00") from None
    if not all(0 <= price < float("inf") for price in (input_, output)):
        raise refused("--model", f"{text!r}: a price is a number of US$, 0 or more")
    return built(Price, input=input_, output=output)


def _listed(name: str, url: str | None) -> Price:
    from bestroute.policy.listed import Unlisted, listed_price

    try:
        return listed_price(name, url)
    except Unlisted as error:
        raise refused("--model", str(error)) from None


def _address(text: str) -> tuple[str, str]:
    if text.startswith(("http://", "https://")):
        return ALL, text
    name, found, rest = text.partition("=http")
    if not (name and found):
        raise refused("--endpoint", f"{text!r} is neither a URL nor NAME=URL")
    return name, "http" + rest


def _split(flag: str, text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if form and not (name and equals and value):
        raise refused(flag, f"{text!r} is not {form}")
    return name, value
