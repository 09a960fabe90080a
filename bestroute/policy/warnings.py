"""What a policy may say but hardly means. A warning stops nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from bestroute.artefacts.manifest import Manifest, read_manifest
from bestroute.policy.compose import Fault
from bestroute.policy.document import Document, spell
from bestroute.policy.listed import moved_prices
from bestroute.policy.objective import AnyObjective, CostPerPoint, Offer
from bestroute.policy.references import column_of
from bestroute.policy.rule_warnings import find_rule_warnings, is_stricter
from bestroute.policy.schema import Policy, Tier

_PROMPT_TOKENS = 100
_MOST_TOKENS = {"max_completion_tokens", "max_tokens"}
_BELOW_ALL = -1
_NONE_SO_GOOD = "no response is a whole point better than the reference"
_REFERENCE = Offer(0.0, 1.0, 0.0, 0.0)


def find_warnings(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    """Every warning, in no order."""
    yield from _tiers_out_of_order(policy, document, manifest)
    yield from _unreachable_tiers(policy, document)
    yield from _dials_below_all(policy, document)
    yield from find_rule_warnings(policy, document)
    yield from _unset_keys(document)
    yield from moved_prices(policy.models, document)
    yield from _unlearned_reference(policy, document, manifest)
    yield from _other_names(policy, document, manifest)
    yield from _unlearned_match(policy, document, manifest)
    yield from _foreign_posterior(policy, document, manifest)
    yield from _untold_novelty(policy, document, manifest)
    yield from _untaught_samples(policy, document, manifest)
    yield from _other_reference(policy, document, manifest)
    yield from _dear_caches(policy, document)
    yield from _too_much_thinking(policy, document)
    yield from _unread_schemas(policy, document)


def _tiers_out_of_order(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    costs = [expected_cost(policy, tier, manifest) for tier in policy.tiers]
    labels = [
        f"tiers[{index}] ({tier.arm.label}, ${cost or 0:.2g} a query)"
        for index, (tier, cost) in enumerate(zip(policy.tiers, costs, strict=True))
    ]
    for index, cost in enumerate(costs[:-1]):
        if cost is None:
            continue
        place = document.place(("tiers", index))
        above = max(range(index), key=lambda earlier: costs[earlier] or 0.0, default=index)
        if costs[-1] is not None and cost > costs[-1]:
            yield Fault(place, f"{labels[index]} costs more than the reference, {labels[-1]}")
        elif cost < (costs[above] or 0.0):
            yield Fault(place, f"{labels[index]} costs less than {labels[above]} above it; swap them")


def expected_cost(policy: Policy, tier: Tier, manifest: Manifest) -> float | None:
    """US$ for a short query, by the mean length of responses; None where a class is not learned."""
    total = 0.0
    for name, n in tier.parts:
        model = policy.model(name)
        column = model.column_in(manifest.adapted)
        if column not in manifest.classes:
            return None
        tokens = manifest.mean_output_tokens[manifest.classes.index(column)]
        written = model.written(tokens, policy.sampling.max_tokens, manifest.adapted)
        total += model.cost(n, _PROMPT_TOKENS, written)
    return total


def _unreachable_tiers(policy: Policy, document: Document) -> Iterator[Fault]:
    for index, tier in enumerate(policy.tiers):
        reason = _why_unreachable(policy, index, tier)
        if reason:
            yield Fault(document.place(("tiers", index)), f"tiers[{index}] can never be reached: {reason}")


def _why_unreachable(policy: Policy, index: int, tier: Tier) -> str | None:
    if tier.max_gap == _BELOW_ALL:
        return _NONE_SO_GOOD
    objectives = {policy.objective, *(rule.objective for rule in policy.rules if rule.objective is not None)}
    if any(isinstance(one, CostPerPoint) for one in objectives):
        return None  # not the first tier within serves, but the best
    for before, earlier in enumerate(policy.tiers[:index]):
        label = f"tiers[{before}] ({earlier.arm.label})"
        if list(earlier.models) == [policy.reference] and all(
            _dial(earlier, one).why_not(_REFERENCE) is None for one in objectives
        ):
            return f"{label} is the reference, which always serves"
        if (
            index < len(policy.tiers) - 1  # the last one, the reference, takes what is left
            and _as_good(earlier, tier)
            and not any(is_stricter(_dial(earlier, one), _dial(tier, one)) for one in objectives)
        ):
            return f"{label} is at least as good and has no stricter dial"
    return None


def _dials_below_all(policy: Policy, document: Document) -> Iterator[Fault]:
    """A negative dial asks for tiers predicted better than the reference; this one for more than there is."""
    if policy.max_gap == _BELOW_ALL and any(tier.objective is None for tier in policy.tiers[:-1]):
        yield Fault(
            document.place(("max_gap",)),
            f"max_gap {_BELOW_ALL}: {_NONE_SO_GOOD}, so it answers what no rule routes",
        )
    for index, rule in enumerate(policy.rules):
        if rule.max_gap == _BELOW_ALL:
            yield Fault(
                document.place(("rules", index, "max_gap")),
                f"rules[{index}] ({rule.name}), max_gap {_BELOW_ALL}: {_NONE_SO_GOOD}, so it answers; "
                "`route` to it says that this is meant",
            )


def _as_good(earlier: Tier, tier: Tier) -> bool:
    """Whether an arm is that of a tier, or more responses in the same shares: a gap never widens with n."""
    return earlier.n >= tier.n and {name: n * tier.n for name, n in earlier.parts} == {
        name: n * earlier.n for name, n in tier.parts
    }


def _dial(tier: Tier, objective: AnyObjective) -> AnyObjective:
    return tier.objective or objective


def _unset_keys(document: Document) -> Iterator[Fault]:
    several = document.texts("models", "*", "endpoints", "*", "api_key_env")
    for path, variable in (*document.texts("models", "*", "endpoint", "api_key_env"), *several):
        key = os.environ.get(variable, "")
        if not key.strip():
            state = "blank" if key else "not set"
            yield Fault(
                document.place(path), f"{spell(path[:-1])}: environment variable {variable} is {state}"
            )


def _unlearned_reference(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    for index, model in enumerate(policy.models):
        if model.name == policy.reference and model.column_in(manifest.adapted) not in manifest.classes:
            found = column_of(document, index)
            place = document.place(found[0] if found else ("models", index))
            yield Fault(
                place,
                f"the router has not learned the class {model.column!r} of the reference (it knows "
                f"{', '.join(manifest.classes)}), so it cannot predict a gap to it",
            )


def _other_names(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    """An LLM that goes by another name where it is known."""
    if manifest.adapted:
        return
    for index, model in enumerate(policy.models):
        llm = manifest.llms.get(model.column, model.column)
        if llm != model.column:
            found = column_of(document, index)
            yield Fault(
                document.place(found[0] if found else ("models", index)),
                f"models[{index}] ({model.name}) is predicted as the LLM {llm!r}, which {model.column!r} is "
                f"taken to be; `class: {llm}` says that this is meant, see `bestroute models {llm}`",
            )


def _unlearned_match(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    column = policy.reference_model.column_in(manifest.adapted)
    if policy.min_match is not None and column != manifest.reference:
        yield Fault(
            document.place(("min_match",)),
            f"the router has learned to match {manifest.reference!r}, not {column!r}, "
            "the reference's class, so the reference answers everything; max_gap goes with any reference",
        )


def _foreign_posterior(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    """The posterior judges by what the router model predicts; another one may be too sure, or too shy."""
    if not policy.sampling.plans:
        return
    trained_with = read_manifest(policy.posterior, "posterior").recipe.get("router")
    if trained_with not in (None, manifest.files.get("model.onnx")):
        keys = [path for key in ("posterior", "router") for path, _ in document.texts(key)]
        yield Fault(
            document.place(keys[0] if keys else ("sampling",)),
            "the posterior was trained with another router model; `bestroute train posterior --router "
            f"{policy.router.name}` trains one that goes with it",
        )


def _untold_novelty(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    if policy.abstain and manifest.max_novelty is None:
        found = [path for key in ("abstain", "router") for path, _ in document.find(key)]
        yield Fault(
            document.place(found[0] if found else ()),
            "abstain: true changes nothing: the router model cannot tell which queries are unlike those that "
            "it was trained on, so any gap may be a guess; `bestroute train router` on 100 queries or more "
            "makes one that can, and `abstain: false` says that this is meant",
        )


def _untaught_samples(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    """An n that the router model was not taught counts as the largest that it was."""
    for index, tier in enumerate(policy.tiers):
        for name, _ in tier.parts:
            column = policy.model(name).column_in(manifest.adapted)
            taught = manifest.taught(manifest.classes.index(column)) if column in manifest.classes else tier.n
            if min(tier.n, manifest.max_n) > taught:
                yield Fault(
                    document.place(("tiers", index)),
                    f"tiers[{index}] ({tier.arm.label}): the router model was taught n = {taught} at most of "
                    f"{column!r}, so no more is predicted of {tier.n} responses; records with as many "
                    "responses a query, and their rewards, teach it",
                )
                break


def _other_reference(policy: Policy, document: Document, manifest: Manifest) -> Iterator[Fault]:
    """Match probabilities of an adapter are to the reference that it was made for."""
    if manifest.adapted and manifest.reference != policy.reference:
        yield Fault(
            document.place(("reference",)),
            f"the adapter was made for the reference {manifest.reference!r}, so match probabilities are to "
            "it; run `bestroute adapt` again",
        )


def _dear_caches(policy: Policy, document: Document) -> Iterator[Fault]:
    for index, model in enumerate(policy.models):
        cached, place = model.price.cached_input, ("models", index, "price", "cached_input")
        if cached is not None and cached > model.price.input:
            message = (
                f"{spell(place)} ({cached:g}) is above input ({model.price.input:g}), which is counted then"
            )
            yield Fault(document.place(place), message)


def _too_much_thinking(policy: Policy, document: Document) -> Iterator[Fault]:
    """Thinking counts against the limit of a response at most endpoints."""
    limit = policy.sampling.max_tokens
    for index, model in enumerate(policy.models):
        if (model.thinking_tokens or 0.0) >= limit and not _MOST_TOKENS & (model.params or {}).keys():
            yield Fault(
                document.place(("models", index, "thinking_tokens")),
                f"models[{index}] thinks for {model.thinking_tokens:g} tokens a response, and max_tokens "
                f"leaves it {limit}; raise sampling.max_tokens, or set max_completion_tokens in its params",
            )


def _unread_schemas(policy: Policy, document: Document) -> Iterator[Fault]:
    """Calls of tools, where nothing can hold their arguments against the schemas of a request."""
    calling = [index for index, model in enumerate(policy.models) if "tools" in model.capabilities]
    if calling and find_spec("jsonschema") is None:
        yield Fault(
            document.place(("models", calling[0], "capabilities")),
            "of the arguments that tools are called with only the JSON is checked, not the schema; "
            'to check it: pip install "bestroute[schema]"',
        )
