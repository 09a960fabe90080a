"""The values a policy file becomes. Field names are the file's keys; descriptions go to the JSON Schema."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from bestroute.artefacts.manifest import Kind, default_folder
from bestroute.errors import InputError
from bestroute.policy.arms import Arm, Frozen, Model, Name
from bestroute.policy.exclusive import exactly_one
from bestroute.policy.objective import OBJECTIVES, AnyObjective, Gap, Match, PointPrice, objective_of
from bestroute.policy.rules import Rule
from bestroute.policy.sampling import Sampling
from bestroute.policy.serving import Canary, Overrides, Shadow

VERSION = 1


def _known_version(version: int) -> int:
    if version != VERSION:
        raise ValueError(f"must be {VERSION}, the version this bestroute reads, not {version}")
    return version


def _folder(value: Any, info: ValidationInfo) -> Any:
    """Take a text as a folder, relative to the policy file's (`context`)."""
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("must name a folder; remove the key for the embedded one")
    return Path(os.path.abspath(Path(info.context or "") / value))


Folder = Annotated[Path, BeforeValidator(_folder), WithJsonSchema({"type": "string", "minLength": 1})]


class Tier(Arm):
    """An arm and the gap it may have. The order in the file is the order of trial."""

    max_gap: Gap | None = Field(
        default=None, description="gap it may have; the policy's dial if absent", examples=[0.02]
    )
    min_match: Match | None = Field(
        default=None,
        description="match probability it must have; the policy's dial if absent",
        examples=[0.8],
    )

    @property
    def objective(self) -> AnyObjective | None:
        """The dial of this tier; None where it is the policy's."""
        return objective_of(self)

    @property
    def arm(self) -> Arm:
        """The arm that serves this tier."""
        return Arm(models=self.models)


class Policy(Frozen):
    """A whole policy: models, the reference they are measured by, tiers, rules, and the one dial.

    Values read from a file have been checked against each other (bestroute.policy.references); a Policy
    constructed in Python has not.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in OBJECTIVES],
            "patternProperties": {"^x-": {}},  # the writer's own, which `document` passes over
        }
    )

    version: Annotated[int, AfterValidator(_known_version)] = Field(
        description=f"version of this format: {VERSION}", json_schema_extra={"const": VERSION}
    )
    router: Folder = Field(
        default_factory=lambda: default_folder("router"),
        description="folder of the router model, relative to this file; the embedded one if absent",
        examples=["my/router"],
    )
    adapter: Folder | None = Field(
        default=None,
        description="folder that `bestroute adapt` wrote, relative to this file: the models by their own "
        "names, as their scored responses show them; none if absent",
        examples=["my/adapter"],
    )
    reward: Folder = Field(
        default_factory=lambda: default_folder("reward"),
        description="folder of the reward model, relative to this file; the embedded one if absent",
        examples=["my/reward"],
    )
    posterior: Folder = Field(
        default_factory=lambda: default_folder("posterior"),
        description="folder of the posterior, relative to this file; the embedded one if absent",
        examples=["my/posterior"],
    )
    models: Annotated[tuple[Model, ...], Field(min_length=1)] = Field(
        description="the models that can answer"
    )
    reference: Name = Field(
        description="name of the model whose quality must be matched", examples=["gpt-4o"]
    )
    max_gap: Gap | None = Field(
        default=None,
        description="the dial: quality points (of 1) that a query may be expected to lose",
        examples=[0.03],
    )
    min_match: Match | None = Field(
        default=None,
        description="the dial, in place of max_gap: how probable it must be that nothing is lost",
        examples=[0.7],
    )
    cost_per_point: PointPrice | None = Field(
        default=None,
        description="the dial, in place of max_gap: US$ that a whole quality point of one query is worth; "
        "the tier whose cost and loss together are least answers",
        examples=[0.05],
    )
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] = Field(
        description="arms in order of trial, cheapest first; the last one is the reference",
        examples=[[{"model": "llama-3.1-8b"}, {"model": "llama-3.1-8b", "n": 3}, {"model": "gpt-4o"}]],
    )
    abstain: bool = Field(
        default=True,
        description="whether the reference answers queries unlike those the router model was trained on",
    )
    rules: tuple[Rule, ...] = Field(default=(), description="asked before the router model; first match wins")
    sampling: Sampling = Field(default_factory=Sampling, description="how responses are asked for")
    overrides: Overrides | None = Field(
        default=None,
        description="what a request to the gateway may say in place of this policy",
        examples=[{"max_gap": {"max": 0.05}, "models": False}],
    )
    shadow: Shadow | None = Field(
        default=None,
        description="what a gateway asks beside, in the background, for records to calibrate by",
        examples=[{"share": 0.02, "ask": "reference", "budget": 1.0, "records": "shadow.jsonl"}],
    )
    canary: Canary | None = Field(
        default=None,
        description="another policy that decides for a share of a gateway's callers",
        examples=[{"policy": "next.yaml", "share": 0.1}],
    )

    @model_validator(mode="after")
    def _has_one_dial(self) -> Policy:
        given = [key for key in OBJECTIVES if getattr(self, key) is not None]
        if given or not self.model_fields_set & OBJECTIVES.keys():  # a key without a value is another fault
            exactly_one(list(OBJECTIVES), given)
        return self

    _path: Path = PrivateAttr(default=Path("policy.yaml"))

    @property
    def path(self) -> Path:
        """The file this was read from, as it was given."""
        return self._path

    def model(self, name: str) -> Model:
        """The model of this name. Raises InputError, naming those there are, for any other."""
        for model in self.models:
            if model.name == name:
                return model
        raise InputError(
            f"no model is named {name!r}; {self.path} has {', '.join(m.name for m in self.models)}"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """What predicts the models, in their order: classes of the router model, or LLMs that it knows."""
        return tuple(dict.fromkeys(model.column for model in self.models))

    @property
    def objective(self) -> AnyObjective:
        """What the dial means, and where it stands. Raises InputError where nothing sets it."""
        found = objective_of(self)
        if found is None:
            raise InputError(f"the policy has no dial; give one of {', '.join(OBJECTIVES)}")
        return found

    def beside(self, written: str) -> Path:
        """A file as the policy names it: relative to its own."""
        return Path(os.path.abspath(self.path.absolute().parent / written))

    def at(self, setting: float) -> Policy:
        """The policy with another setting of its dial."""
        return self.model_copy(update={self.objective.key: setting})

    def in_one_shot(self) -> Policy:
        """The same, where the arm that is decided answers, whatever it gave."""
        sampling = self.sampling.model_copy(update={"escalate": False, "stop_early": False})
        return self.model_copy(update={"sampling": sampling})

    @property
    def learned(self) -> tuple[Path, ...]:
        """The folders of all that was trained, or tuned, and takes part in an answer."""
        parts = (self.router, self.adapter, self.reward, self.posterior if self.sampling.plans else None)
        return tuple(part for part in parts if part is not None)

    @property
    def guesses_levels(self) -> bool:
        """Whether no response of its own models was ever scored, so that of quality only the order is known.

        That is so without an adapter, on the embedded router model or where a class stands for a model.
        """
        embedded = self.router == default_folder("router")
        return self.adapter is None and (embedded or any(model.class_ is not None for model in self.models))

    @property
    def reference_model(self) -> Model:
        """The model whose quality must be matched."""
        return self.model(self.reference)

    @property
    def digest(self) -> str:
        """12 hex digits of the SHA-256 of the content.

        Comments, layout, spelled-out defaults and the place of the file do not change it, nor does a later
        version that knows more optional keys. Computed anew at each call, so that a copy with another dial
        has its own.
        """
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        content["router"] = self._portable(self.router, "router")
        if self.adapter is not None:
            content["adapter"] = self._portable(self.adapter, "adapter")
        content["reward"] = self._portable(self.reward, "reward")
        content["posterior"] = self._portable(self.posterior, "posterior")
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:12]

    def _portable(self, folder: Path, kind: Kind) -> str:
        """A folder as any machine would write it: relative to the policy file, empty for the embedded one."""
        if folder == default_folder(kind):
            return ""
        try:
            return Path(os.path.relpath(folder, self.path.absolute().parent)).as_posix()
        except ValueError:  # another drive
            return folder.as_posix()
