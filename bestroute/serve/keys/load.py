"""From a key file, or from the environment, to keys; and a new key."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bestroute.errors import InputError, KeysError
from bestroute.files import check_kept
from bestroute.policy import read_policy
from bestroute.policy.compose import Form, Unreadable
from bestroute.policy.document import read_document
from bestroute.policy.load import issues_of
from bestroute.policy.wording import validated
from bestroute.serve.keys.schema import NAME, Key, KeyFile, check_apart

VARIABLE = "BESTROUTE_KEYS"
"""Of the environment: keys as they are, `name:key` each, with spaces or commas between."""
PREFIX = "br-"
_SHORTEST = 20  # characters of a key of the environment; made keys have 46
_FORM = Form("key file", "version: 1", "`bestroute key new NAME --to FILE`")
_HEAD = "version: 1\nkeys:\n"


def load_keys(path: str | Path) -> tuple[Key, ...]:
    """The keys of a file. Raises InputError if it cannot be opened, KeysError with every fault if it does not
    hold; neither quotes a key."""
    return parse_keys(read_policy(path), path)


def parse_keys(content: bytes, path: str | Path) -> tuple[Key, ...]:
    """As `load_keys`, of what the file holds."""
    try:
        document = read_document(content, _FORM)
    except Unreadable as error:
        raise KeysError(issues_of([error.fault], path)) from None
    found = validated(document, KeyFile)
    if document.faults or found is None:
        raise KeysError(issues_of(document.faults, path))
    return found.keys


def keys_of(environ: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys of the environment, which have no limits. Raises InputError, which does not quote them."""
    found = []
    for place, word in enumerate(re.split(r"[\s,]+", environ.get(VARIABLE, "").strip())):
        name, colon, key = word.partition(":")
        if not word:
            continue
        if not colon or re.fullmatch(NAME, name) is None:
            raise InputError(f"{VARIABLE}: word {place + 1} is not NAME:KEY, the name a plain word")
        if len(key) < _SHORTEST:
            raise InputError(f"{VARIABLE}: the key of {name} has fewer than {_SHORTEST} characters")
        found.append(Key(name=name, sha256=hashed(key)))
    try:
        check_apart(tuple(found))
    except ValueError as error:
        raise InputError(f"{VARIABLE} {error}") from None
    return tuple(found)


def hashed(key: str) -> str:
    """What is kept of a key. Plain SHA-256 is enough, since a made key has 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key(name: str, **settings: Any) -> tuple[str, Key]:
    """A new key, and what is kept of it. Raises InputError, whose `param` is the place, for settings that no
    key has."""
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        return key, Key(name=name, sha256=hashed(key), **settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(first["msg"].removeprefix("Value error, "), place) from None


def line_of(key: Key) -> str:
    """The key as an entry of a key file, on one line."""
    given = key.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    return f"  - {json.dumps(given, ensure_ascii=True)}\n"


def append(key: Key, path: Path) -> None:
    """Add a key at the end of a key file, which is made where there is none, readable by its owner alone.

    Raises as `load_keys` does where the file would not hold then, and leaves it as it was.
    """
    check_kept(path)
    try:
        before = path.read_bytes() if path.exists() else b""
        if before and any(one.name == key.name for one in parse_keys(before, path)):
            raise InputError(
                f"{path}: the name {key.name!r} is taken; give the key another, or take the line out first"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        more = line_of(key).encode()
        if not before:
            more = _HEAD.encode() + more
        elif not before.endswith(b"\n"):
            more = b"\n" + more
        parse_keys(before + more, path)
        with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(more)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
