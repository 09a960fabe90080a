"""The values a key file becomes. Field names are the file's keys."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from bestroute.policy.arms import Frozen, Name

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
Dollars = Annotated[FiniteFloat, Field(gt=0, le=1e6)]


def _plain(name: str) -> str:
    if re.fullmatch(NAME, name) is None:
        raise ValueError("must be a plain word: letters, digits, '.', '_' and '-', 64 at most")
    return name


def _digest(text: str) -> str:
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError("must be 64 hexadecimal digits, as `bestroute key new` prints them")
    return text


class Rate(Frozen):
    """What a key may use in a minute."""

    requests: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="requests, counted over the last 60 seconds"
    )
    tokens: Annotated[int, Field(ge=1, le=10**12)] | None = Field(
        default=None, description="tokens of prompts and responses, counted by the minute of the clock"
    )


class Budget(Frozen):
    """What a key may spend, in US$."""

    minute: Dollars | None = Field(default=None, description="US$ in a minute of the clock")
    day: Dollars | None = Field(default=None, description="US$ in a day, which begins at 00:00 UTC")


class Key(Frozen):
    """A key, known by its hash, and what whoever holds it may do."""

    name: Annotated[str, AfterValidator(_plain)] = Field(description="what logs and metrics call it")
    sha256: Annotated[str, AfterValidator(_digest)] = Field(
        description="SHA-256 of the key, in hexadecimal digits"
    )
    metadata: dict[Name, str | bool | int | FiniteFloat] = Field(
        default_factory=dict, description="what rules see of it, each name behind `key.`"
    )
    rate: Rate = Field(default=Rate(), description="what it may use in a minute; no limit if absent")
    budget: Budget = Field(default=Budget(), description="what it may spend; no limit if absent")
    models: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        default=None, description="what `model` of its requests may be; anything that is served if absent"
    )
    operator: bool = Field(
        default=False, description="whether it may see what concerns all callers, such as /metrics"
    )

    @property
    def limited(self) -> bool:
        """Whether anything is counted of it."""
        return self.rate != Rate() or self.budget != Budget()


class KeyFile(Frozen):
    """The content of a key file."""

    version: Literal[1] = Field(description="version of this format: 1")
    keys: Annotated[tuple[Key, ...], Field(min_length=1)] = Field(description="every key that lets in")

    @model_validator(mode="after")
    def _tells_them_apart(self) -> KeyFile:
        check_apart(self.keys)
        return self


def check_apart(keys: tuple[Key, ...]) -> None:
    """Raise ValueError where two keys have one name, or are one."""
    for kind in ("name", "sha256"):
        seen: set[str] = set()
        for key in keys:
            value: str = getattr(key, kind)
            if value in seen:
                raise ValueError(f"has two keys with the {kind} {value[:16]!r}")
            seen.add(value)
