"""A first policy, from models and their prices alone: the class of each, and the tiers worth having."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bestroute.artefacts.known import known_llms, with_llms
from bestroute.artefacts.manifest import Manifest, default_folder, read_manifest
from bestroute.errors import InputError
from bestroute.policy.arms import Arm, Model, Price
from bestroute.policy.rules import Rule, When
from bestroute.policy.rules.conditions import Pattern, Tokens, Turns
from bestroute.policy.schema import VERSION, Policy, Tier
from bestroute.policy.warnings import expected_cost

MAX_GAP = 0.03
SAMPLES = (1, 3)
# The whole message, in some languages; what begins so may go on to anything.
_GREETING = (
    r"(?i)^\W*(hi|hello|hey|thanks|thank you|hallo|danke|bonjour|merci|hola|gracias|"
    r"你好|谢谢|こんにちは|ありがとう)( (there|all|everyone|again|a lot|so much|very much))?\W*$"
)


def learned_classes() -> tuple[str, ...]:
    """The classes that the embedded router model knows, from the weakest to the strongest."""
    return tuple(_manifest().classes)


def by_price(prices: Mapping[str, Price]) -> list[str]:
    """Names of models, cheapest first, where prompts and responses are of one length."""
    return sorted(prices, key=lambda name: prices[name].input + prices[name].output)


def guess_classes(prices: Mapping[str, Price], reference: str) -> dict[str, str]:
    """What predicts each model: itself, where it is an LLM that is known by name, else the class that its
    price speaks for.

    The reference is of the strongest class, the cheapest other model of the weakest, what is left of the
    middle one.
    """
    classes = learned_classes()
    others = [name for name in by_price(prices) if name != reference]
    middle = dict.fromkeys(others[1:], classes[len(classes) // 2])
    by_rank = {**dict.fromkeys(others[:1], classes[0]), **middle, reference: classes[-1]}
    return by_rank | llms_named(prices)


def llms_named(names: Iterable[str]) -> dict[str, str]:
    """Those of the names that mean an LLM which the embedded router model knows, each with its name there."""
    llms = known_llms(_manifest(), default_folder("router"), names)
    return {name: llm.name for name, llm in llms.items()}


def first_policy(models: Sequence[Model], reference: str, max_gap: float = MAX_GAP) -> Policy:
    """A policy that asks each model once and thrice, in order of expected cost, and the reference last.

    Tiers expected to cost more than the reference are left out. Raises InputError where none is left.
    """
    last = Tier(model=reference)
    policy = Policy(
        version=VERSION, models=tuple(models), reference=reference, max_gap=max_gap, tiers=(last,)
    )
    manifest = _manifest()
    llms = known_llms(manifest, default_folder("router"), policy.columns)
    tiers = _worthwhile(policy, last, with_llms(manifest, llms))
    if not tiers:
        raise InputError(
            f"at these prices no other model is expected to cost less than the reference, {reference}; "
            "give a cheaper model, or a dearer reference"
        )
    greetings = Rule(
        name="greetings",
        when=When(pattern=Pattern(_GREETING), tokens=Tokens(max=12), turns=Turns(max=1)),
        route=Arm(models=tiers[0].models),
    )
    return policy.model_copy(update={"tiers": (*tiers, last), "rules": (greetings,)})


def _worthwhile(policy: Policy, last: Tier, manifest: Manifest) -> list[Tier]:
    """Tiers of other models that cost no more than the last one, cheapest first."""

    def cost(tier: Tier) -> float:
        return expected_cost(policy, tier, manifest) or 0.0

    others = [model.name for model in policy.models if model.name != policy.reference]
    tiers = [Tier(model=name, n=n) for name in others for n in SAMPLES]
    return sorted((tier for tier in tiers if cost(tier) <= cost(last)), key=cost)


def _manifest() -> Manifest:
    return read_manifest(default_folder("router"), "router")
