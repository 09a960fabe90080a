"""From a policy file to a Policy: read, parse, validate, cross-check; every fault at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bestroute.artefacts.manifest import Manifest
from bestroute.errors import BestRouteError, InputError, Issue, PolicyError
from bestroute.policy.compose import MAX_BYTES, Fault, Unreadable
from bestroute.policy.document import Document, read_document
from bestroute.policy.listed import resolve_prices
from bestroute.policy.references import note_mismatches
from bestroute.policy.schema import Policy
from bestroute.policy.warnings import find_warnings
from bestroute.policy.wording import validated


def load_policy(path: str | Path) -> Policy:
    """Read a policy file.

    Raises InputError if the file cannot be opened, PolicyError with every fault if it does not hold.
    """
    return parse_policy(read_policy(path), path)


def parse_policy(text: str | bytes, path: str | Path) -> Policy:
    """As `load_policy`, for a text already read. Folders in it are relative to that of `path`."""
    policy, _, _ = _parse(text, path)
    return policy


def check_policy(path: str | Path) -> tuple[Policy, tuple[Issue, ...]]:
    """A policy and its warnings, sorted by place.

    Raises as `load_policy` does, and for artefacts whose files differ from their digests, and where the
    policy that is its canary does not hold.
    """
    policy, document, manifest = _parse(read_policy(path), path, whole=True)
    if policy.canary is not None:
        _check_canary(policy, policy.canary.policy, document)
    return policy, issues_of(find_warnings(policy, document, manifest), path)


def read_policy(path: str | Path) -> bytes:
    """The text of a policy file, for `parse_policy`. Raises InputError if it cannot be opened.

    Of a file that is larger than any policy may be, only so much is read that parsing refuses it.
    """
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def load_to_adapt(path: str | Path) -> Policy:
    """As `load_policy`, for who makes the adapter: the one it names is not read, classes need not be known.

    Raises as `load_policy` does.
    """
    policy, _, _ = _parse(read_policy(path), path, adapting=True)
    return policy


def _parse(
    text: str | bytes, path: str | Path, whole: bool = False, adapting: bool = False
) -> tuple[Policy, Document, Manifest]:
    try:
        document = read_document(text)
    except Unreadable as error:
        raise PolicyError(issues_of([error.fault], path)) from None
    folder = Path(os.path.abspath(path)).parent
    resolve_prices(document)
    policy = validated(document, Policy, folder)
    manifest = note_mismatches(document, folder, whole, adapting)
    if document.faults or policy is None or manifest is None:
        raise PolicyError(issues_of(document.faults, path))
    policy._path = Path(path)
    return policy, document, manifest


def load_canary(policy: Policy) -> Policy:
    """The policy that decides for some callers of a gateway. Raises as `load_policy`, and InputError where it
    has a canary itself."""
    assert policy.canary is not None
    path = policy.beside(policy.canary.policy)
    canary = load_policy(path)
    if canary.canary is not None:
        raise InputError(f"{path}: has a canary itself; remove the key there")
    return canary


def _check_canary(policy: Policy, written: str, document: Document) -> None:
    try:
        load_canary(policy)
    except BestRouteError as error:
        (first, *others) = str(error).splitlines()
        more = f" (and {len(others)} more)" if others else ""
        document.fault(("canary", "policy"), f"canary.policy: {written} does not hold: {first}{more}")
        raise PolicyError(issues_of(document.faults, policy.path)) from error


def issues_of(faults: Iterable[Fault], path: str | Path) -> tuple[Issue, ...]:
    """The faults of a file with its name, sorted by place."""
    ordered = sorted(set(faults), key=lambda fault: (fault.place, fault.message))
    return tuple(Issue(str(path), fault.place.line, fault.place.column, fault.message) for fault in ordered)
