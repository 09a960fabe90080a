"""How responses are asked for and kept: the part `sampling` of a policy."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, FiniteFloat

from bestroute.policy.arms import Frozen, Name

SelectorName: TypeAlias = Literal["reward", "vote", "reward+vote"]
RETRIES = 2
"""How often a failed call is made again where a policy does not say."""
DEFAULT_SELECTOR: SelectorName = "reward+vote"
"""How the response to keep is chosen where a policy does not say; `answering.selection` does it."""
CheckName: TypeAlias = Literal[
    "json", "language", "code", "length", "sentences", "paragraphs", "bullets", "keywords", "ends", "case",
    "commas", "marks",
]  # fmt: skip
CHECKS: tuple[CheckName, ...] = get_args(CheckName)
"""What can be checked of a response; `answering.checks` does it."""
DEFAULT_CHECKS: tuple[CheckName, ...] = tuple(name for name in CHECKS if name != "code")
"""The checks that are made where a policy does not say: those that were found to tell worse from better."""


class Sessions(Frozen):
    """How conversations stay with the model that holds them in its prompt cache."""

    keep: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="quality points (of 1) that staying is worth: so much more than the dial allows may be "
        "lost before the conversation leaves its model; 1 keeps it there",
        examples=[0.02],
    )
    ttl_s: Annotated[FiniteFloat, Field(gt=0, le=86400)] = Field(
        default=300.0, description="seconds that a prompt cache lives after it was last used"
    )
    id: Name | None = Field(
        default=None,
        description="key of the metadata that names a conversation; known by how it begins if absent",
        examples=["conversation"],
    )


class Sampling(Frozen):
    """How responses are asked for."""

    temperature: Annotated[FiniteFloat, Field(ge=0, le=2)] = Field(
        default=0.8, description="spread of the samples; 0 makes them all alike"
    )
    timeout_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] = Field(
        default=60.0, description="seconds for one call to an endpoint"
    )
    max_tokens: Annotated[int, Field(ge=1)] = Field(default=1024, description="longest response, in tokens")
    forbid: tuple[Name, ...] | None = Field(
        default=None,
        description="fields that a request may not set; of all others the request's value counts before the "
        "one given here",
        examples=[["temperature", "logit_bias"]],
    )
    select: SelectorName = Field(
        default=DEFAULT_SELECTOR,
        description="which response is kept. reward: the one with the highest reward; vote: of the answer "
        "that most give; reward+vote: of the answer whose rewards add up to most",
    )
    check: tuple[CheckName, ...] | None = Field(
        default=None,
        description="what is checked of a response where the query asks for it, before its reward counts: "
        "one that fails never wins over one that passes; all but code if absent, none if empty",
        examples=[["json", "language", "length"]],
    )
    escalate: bool = Field(
        default=False,
        description="whether tiers are tried in turn until a response is judged good enough; "
        "false: one arm answers, as BEST-Route was published",
    )
    stop_early: bool | Annotated[int, Field(ge=1)] = Field(
        default=False,
        description="whether an arm of more than two responses is asked for two first, then for one more at "
        "a time, or for as many as this number, while that is worth its price",
        examples=[True, 2],
    )
    max_cost: Annotated[FiniteFloat, Field(gt=0)] | None = Field(
        default=None, description="US$ that one query may cost; no bound if absent", examples=[0.05]
    )
    deadline_s: Annotated[FiniteFloat, Field(gt=0, le=3600)] | None = Field(
        default=None, description="seconds that one query may take; no bound if absent", examples=[120]
    )
    session: Sessions | None = Field(
        default=None,
        description="how conversations stay with their models; every turn for itself if absent",
        examples=[{"keep": 0.02, "ttl_s": 300}],
    )
    retries: Annotated[int, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="how often a call that failed in passing is made again, as far as its time allows; "
        f"{RETRIES} if absent",
        examples=[1],
    )
    fallback: Literal["reference", "any", "none"] | None = Field(
        default=None,
        description="who answers where the chosen model does not. reference: dearer tiers, at last the "
        "reference; any: after those also what the dial would not take; none: nobody. reference if absent",
        examples=["any"],
    )

    @property
    def checks(self) -> tuple[CheckName, ...]:
        """The checks that are made."""
        return DEFAULT_CHECKS if self.check is None else self.check

    @property
    def plans(self) -> bool:
        """Whether a query may take more than one step, each judged before the next."""
        return self.escalate or bool(self.stop_early)

    def parts_of(self, n: int) -> range:
        """How many of n responses may be asked for first: two or more, as one shows no agreement."""
        return range(2, n, int(self.stop_early)) if self.stop_early else range(0)
