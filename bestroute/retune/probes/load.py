"""From a probe file to probes: read, parse, validate, check its names by a policy; every fault at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bestroute.errors import InputError, ProbesError
from bestroute.policy import Policy, load_policy, read_policy
from bestroute.policy.compose import Form, Place, Unreadable
from bestroute.policy.document import Document, clip, read_document, spell
from bestroute.policy.document import Path as Steps
from bestroute.policy.load import issues_of
from bestroute.policy.wording import did_you_mean, validated
from bestroute.query import Query
from bestroute.retune.probes.schema import ProbeFile, one_of

SUFFIX = ".probes.yaml"
_FORM = Form("probe file", "version: 1", "policies/balanced.probes.yaml")


def load_probes(path: str | Path, policy: Policy | None = None) -> ProbeFile:
    """Read a probe file; with a policy, check that the models and rules it names are there.

    Raises InputError if the file cannot be opened, ProbesError with every fault if it does not hold.
    """
    return read_probes(path, policy)[0]


def check_probes(path: str | Path) -> ProbeFile:
    """As `load_probes`, against the policy beside it where there is one: x.yaml for x.probes.yaml."""
    beside = Path(path).with_name(Path(path).name.removesuffix(SUFFIX) + ".yaml")
    return load_probes(path, load_policy(beside) if beside.is_file() else None)


def read_probes(path: str | Path, policy: Policy | None) -> tuple[ProbeFile, list[Place]]:
    """As `load_probes`, with the place of every probe."""
    try:
        document = read_document(read_policy(path), _FORM)
    except Unreadable as error:
        raise ProbesError(issues_of([error.fault], path)) from None
    _readable_queries(document)
    probes = validated(document, ProbeFile)
    _unique_names(document)
    _known_tags(document)
    if policy is not None:
        _known_names(document, policy)
    if document.faults or probes is None:
        raise ProbesError(issues_of(document.faults, path))
    return probes, [document.place(at) for at, _ in document.find("probes", "*")]


def _readable_queries(document: Document) -> None:
    kinds = {"query": str, "messages": tuple}
    for path, probe in document.find("probes", "*"):
        if not isinstance(probe, dict):
            continue
        given = [key for key in kinds if key in probe]
        if len(given) != 1:
            document.fault(path, f"{spell(path)} {one_of(given)}")
        elif isinstance(probe[given[0]], kinds[given[0]]):
            try:
                Query.of({given[0]: probe[given[0]]})
            except InputError as error:
                document.fault((*path, given[0]), str(error))


def _unique_names(document: Document) -> None:
    first: dict[str, str] = {}
    for path, name in document.texts("probes", "*", "name"):
        owner = spell(path[:-1])
        if name in first:
            document.fault(path, f"duplicate name {clip(name)} in {owner} (also {first[name]})")
        first.setdefault(name, owner)


def _known_tags(document: Document) -> None:
    tags = {tag for _, tag in document.texts("probes", "*", "tags", "*")}
    for path, rates in document.find("min_pass_rate"):
        for tag in rates if isinstance(rates, dict) else ():
            if tag not in tags:
                place = document.keys[(*path, tag)]
                document.fault(
                    (*path, tag), f"no probe has the tag {clip(tag)}{did_you_mean(tag, tags)}", place
                )


def _known_names(document: Document, policy: Policy) -> None:
    models = [model.name for model in policy.models]
    arms = [*policy.tiers, *(rule.route for rule in policy.rules if rule.route is not None)]
    asked = list(dict.fromkeys([*models, *(arm.model for arm in arms)]))
    rules = [rule.name for rule in policy.rules]
    for path, name, place in _mentions(document, "model"):
        single = path[-1] == "model"
        _known(document, path, name, place, "model", asked if single else models)
    for path, name, place in _mentions(document, "rule"):
        _known(document, path, name, place, "rule", rules)


def _mentions(document: Document, kind: str) -> Iterator[tuple[Steps, str, Place]]:
    """Where a model or a rule is named: the path, the name and its place, which may be a key's."""
    expect = ("probes", "*", "expect")
    for steps in ((*expect, kind), (*expect, f"not_{kind}", "*")):
        yield from ((path, name, document.place(path)) for path, name in document.texts(*steps))
    for key in ("models", "why_not") if kind == "model" else ():
        for path, names in document.find(*expect, key):
            for name in names if isinstance(names, dict) else ():
                yield (*path, name), name, document.keys[(*path, name)]


def _known(
    document: Document, path: Steps, name: str, place: Place, kind: str, names: Collection[str]
) -> None:
    if name and name not in names:
        there = f" (there are {', '.join(list(names)[:8])})" if names else " (it has none)"
        hint = did_you_mean(name, names) or there
        document.fault(path, f"the policy has no {kind} {clip(name)}{hint}", place)
