"""Names that must agree: models, classes, artefacts.

These checks look at the document, not at the Policy, so that they also speak when another part does not hold.
What is not of the right shape is passed over: pydantic has told of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bestroute.artefacts.known import Known, read_known, with_llms
from bestroute.artefacts.manifest import (
    Kind,
    Manifest,
    adapted_manifest,
    check_files,
    default_folder,
    read_manifest,
)
from bestroute.artefacts.names import nearest
from bestroute.errors import ArtefactError
from bestroute.policy.compose import Place
from bestroute.policy.document import Document, clip, spell
from bestroute.policy.document import Path as Steps
from bestroute.policy.exclusive import exactly_one
from bestroute.policy.objective import OBJECTIVES
from bestroute.policy.serving import model_asked
from bestroute.policy.wording import did_you_mean, last_given


def note_mismatches(document: Document, folder: Path, whole: bool, adapting: bool = False) -> Manifest | None:
    """Note every name that does not agree; give the router's manifest, or None where it cannot be read.

    `folder` is the policy file's, to which artefact paths are relative. `whole`: compare the artefacts' files
    with their digests too. `adapting`: an adapter is about to be made, so that none is read, and a model may
    be without a class that was learned.
    """
    _unique_names(document, "models")
    _unique_names(document, "rules")
    _named_arms(document)
    _one_dial(document)
    _known_models(document)
    _reference_last(document)
    _reference_stays(document)
    _read_manifest(document, folder, "reward", whole)
    _read_manifest(document, folder, "posterior", whole)
    manifest = _read_manifest(document, folder, "router", whole)
    if manifest is not None and not adapting:
        manifest = _standing_on(document, folder, manifest, whole) or manifest
    if manifest is not None:
        _learned_samples(document, manifest)
    return manifest


def column_of(document: Document, index: int) -> tuple[Steps, str] | None:
    """Path and name of the class that predicts models[index]: its class, or its own name."""
    for key in ("class", "name"):
        for path, value in document.texts("models", "*", key):
            if path[1] == index:
                return path, value
    return None


def _unique_names(document: Document, section: str) -> None:
    first: dict[str, str] = {}
    for path, name in document.texts(section, "*", "name"):
        owner = spell(path[:-1])
        if name in first:
            document.fault(path, f"duplicate name {name!r} in {owner} (also {first[name]})")
        first.setdefault(name, owner)


def _arms(document: Document) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Every tier and every route that is a mapping, with its path."""
    for steps in (("tiers", "*"), ("rules", "*", "route")):
        yield from ((path, arm) for path, arm in document.find(*steps) if isinstance(arm, dict))


def _named_arms(document: Document) -> None:
    for path, arm in _arms(document):
        if "model" not in arm and "models" not in arm and path not in document.faulty:
            document.fault(path, f"missing key 'model' in {spell(path)}")


def _one_dial(document: Document) -> None:
    """Tiers and rules set the policy's own kind of dial, and one that can be asked as often as it is."""
    given = [key for key in OBJECTIVES if key in document.value]
    try:
        exactly_one(list(OBJECTIVES), given)
    except ValueError as error:
        mistyped = not given and any(did_you_mean(str(key), OBJECTIVES) for key in document.value)
        if not mistyped:  # else that fault is told
            document.fault((), f"{spell((), document.form)} {error}", last_given(document, (), error))
        return
    (dial,) = given
    for steps in (("tiers", "*"), ("rules", "*")):
        for path, part in document.find(*steps):
            for key in OBJECTIVES if isinstance(part, dict) else ():
                if key in part and key != dial:
                    message = f"{spell((*path, key))}: the dial of this policy is {dial}; set that instead"
                    document.fault((*path, key), message, document.keys[(*path, key)])
    for key in ("escalate", "stop_early"):
        for path, value in document.find("sampling", key):
            if dial == "min_match" and isinstance(value, int) and value:  # a bool is one too
                document.fault(
                    path,
                    f"{spell(path)} asks the dial again of the responses, which {dial} cannot be; "
                    "write max_gap or cost_per_point in its place",
                )


def _known_models(document: Document) -> None:
    named = [name for _, name in document.texts("models", "*", "name")]
    if not named or len(named) < len(list(document.find("models", "*"))):
        return  # a model lacks its name; that fault would be told again at every mention
    names = list(dict.fromkeys(named))
    for path, name, place in _mentions(document):
        if name not in names and name:
            hint = did_you_mean(name, names) or f" (there are {', '.join(names[:8])})"
            document.fault(path, f"unknown model {clip(name)} in {spell(path)}{hint}", place)


def _mentions(document: Document) -> Iterator[tuple[Steps, str, Place]]:
    """Where a model is named: the path, the name and its place, which for those of a portfolio is a key's."""
    routed, excluded = ("rules", "*", "route", "model"), ("rules", "*", "exclude", "*")
    for steps in (("reference",), ("tiers", "*", "model"), routed, excluded):
        yield from ((path, name, document.place(path)) for path, name in document.texts(*steps))
    for path, written in (*document.texts("shadow", "ask"), *document.texts("shadow", "ask", "*")):
        asked = model_asked(written)
        if asked is not None:
            yield path, asked, document.place(path)
    for path, arm in _arms(document):
        if isinstance(arm.get("models"), dict):
            path = (*path, "models")
            yield from ((path, name, document.keys[(*path, name)]) for name in arm["models"])


def _reference(document: Document) -> str | None:
    return next((name for _, name in document.texts("reference")), None)


def _reference_last(document: Document) -> None:
    reference = _reference(document)
    tiers = list(document.find("tiers", "*"))
    if not tiers or reference not in [name for _, name in document.texts("models", "*", "name")]:
        return
    path, tier = tiers[-1]
    asked = _asked(tier)
    if asked and list(asked) != [reference]:
        document.fault(path, f"the last tier must be the reference; add `- {{model: {reference}}}` below")
    elif asked and asked[reference] != 1:
        at, mend = ("n", "remove n") if "n" in tier else ("models", f"write `- {{model: {reference}}}`")
        document.fault((*path, at), f"the last tier, the reference, must have n 1; {mend}")


def _asked(tier: Any) -> dict[str, Any]:
    """The models of a tier with the n of each; none where it is not of the right shape."""
    if not isinstance(tier, dict):
        return {}
    if isinstance(tier.get("models"), dict):
        return dict(tier["models"])
    return {tier["model"]: tier.get("n", 1)} if isinstance(tier.get("model"), str) else {}


def _reference_stays(document: Document) -> None:
    reference = _reference(document)
    for path, name in document.texts("rules", "*", "exclude", "*"):
        if name == reference:
            document.fault(path, f"{spell(path)} excludes the reference, which must stay; remove it")


def _read_manifest(document: Document, folder: Path, kind: Kind, whole: bool) -> Manifest | None:
    if kind in document.value and not isinstance(document.value[kind], str):
        return None
    place = (kind,)
    try:
        at = _folder(document, folder, kind)
        manifest = read_manifest(at, kind)
        if whole:
            check_files(at, manifest)
        return manifest
    except (ArtefactError, RecursionError) as error:
        if place not in document.faulty:
            document.fault(place, f"{kind}: {error}")
        return None


def _folder(document: Document, folder: Path, kind: Kind) -> Path:
    written = document.value.get(kind)
    return default_folder(kind) if written is None else Path(os.path.abspath(folder / written))


def _standing_on(document: Document, folder: Path, router: Manifest, whole: bool) -> Manifest | None:
    """What the router says of itself with its adapter, else with the LLMs that models name, of which all
    faults are noted; None where it cannot be had."""
    if document.value.get("adapter") is not None:
        adapted = _with_adapter(document, folder, router, whole)
        if adapted is not None:
            _adapted_models(document, adapted)
        return adapted
    others = [name for _, name in _columns(document) if name not in router.classes]
    try:
        known = read_known(_folder(document, folder, "router"), router) if others else Known()
    except ArtefactError as error:
        document.fault(("router",), f"router: {error}")
        return None
    manifest = with_llms(router, known.find(others))
    _learned_classes(document, manifest, known)
    return manifest


def _columns(document: Document) -> Iterator[tuple[Steps, str]]:
    """Path and name of what predicts each model."""
    for path, _ in document.find("models", "*"):
        found = column_of(document, int(path[1]))
        if found is not None:
            yield found


def _with_adapter(document: Document, folder: Path, router: Manifest, whole: bool) -> Manifest | None:
    """The router's manifest with what the adapter adds; None where that does not hold."""
    adapter = _read_manifest(document, folder, "adapter", whole)
    if adapter is None:
        return None
    try:
        return adapted_manifest(router, adapter, Path(document.value["adapter"]))
    except ArtefactError as error:
        document.fault(("adapter",), f"adapter: {error}")
        return None


def _learned_classes(document: Document, manifest: Manifest, known: Known) -> None:
    reference = _reference(document)
    for path, model in document.find("models", "*"):
        found = column_of(document, int(path[1]))
        if found is None or not isinstance(model, dict) or model.get("name") == reference:
            continue
        where, column = found
        if column not in manifest.classes:
            lacks = f"unknown class {clip(column)}" if where[-1] == "class" else "missing key 'class'"
            learned = [name for name in manifest.classes if name not in manifest.llms]
            told = f"{lacks} in {spell(path)}: the router has learned {', '.join(learned)}"
            document.fault(where, told + _hint(column, learned, known))


def _hint(column: str, learned: Sequence[str], known: Known) -> str:
    """What may have been meant."""
    if not known.llms:
        return did_you_mean(column, learned)
    by_name = f", and {len(known.llms)} LLMs by name"
    several = known.meant(column)
    if several:
        return f"{by_name}, of which this may be {' or '.join(map(repr, several[:5]))}; write which"
    near = did_you_mean(column, learned) or _nearest(column, known)
    return f"{by_name}, see `bestroute models`{near}"


def _nearest(column: str, known: Known) -> str:
    found = nearest(column[:200], [llm.name for llm in known.llms])
    return f" (nearest by name: {', '.join(map(repr, found))})" if found else ""


def _adapted_models(document: Document, manifest: Manifest) -> None:
    for path, name in document.texts("models", "*", "name"):
        if name not in manifest.classes:
            document.fault(
                path,
                f"{spell(path[:-1])} ({clip(name)}) is not in the adapter, which has "
                f"{', '.join(manifest.classes)}; run `bestroute adapt` again",
            )


def _learned_samples(document: Document, manifest: Manifest) -> None:
    most = manifest.max_n
    for path, n in _tier_samples(document):
        if isinstance(n, int) and path not in document.faulty and n > most:
            document.fault(path, f"{spell(path)} must be at most {most}, the router's max_n, not {n}")


def _tier_samples(document: Document) -> Iterator[tuple[Steps, Any]]:
    yield from document.find("tiers", "*", "n")
    for path, models in document.find("tiers", "*", "models"):
        if isinstance(models, dict):
            yield from (((*path, name), n) for name, n in models.items())
