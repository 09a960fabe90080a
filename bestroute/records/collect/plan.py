"""What is to be collected: which models, how many responses, from which prompts, into which file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestroute.answering.sampling import own_settings
from bestroute.answering.sampling.keys import read_key
from bestroute.errors import InputError
from bestroute.files import check_kept
from bestroute.policy import Policy, Sampling
from bestroute.policy.arms import Model
from bestroute.records.collect.prompts import Repeats, asked_digest, choose_prompts, read_prompts


@dataclass(frozen=True)
class Plan:
    """`samples` responses of each model to each prompt, as records in `out`.

    What `out` and the journal beside it hold already is not asked for again. `choose`: so many of the prompts
    alone. Raises InputError for an `out` that cannot be read again, such as a pipe.
    """

    models: tuple[Model, ...]
    settings: Sampling
    prompts: Path
    out: Path
    samples: int
    choose: int | None = None

    def __post_init__(self) -> None:
        check_kept(self.out)

    @property
    def journal(self) -> Path:
        """Where replies are kept until the records are written."""
        return self.out.with_name(f"{self.out.name}.partial.jsonl")

    def header(self, survey: Survey) -> dict[str, Any]:
        """What must be the same for a journal to be gone on with.

        The number of samples may change, and where a model is served; what is paid for stays good.
        """
        return {
            "journal": "bestroute collect",
            "prompts": survey.digest,
            "models": {model.name: self._request(model) for model in self.models},
        }

    def _request(self, model: Model) -> Mapping[str, Any]:
        own = own_settings(model, self.settings)
        variant = {"params": model.params} if model.params else {}
        return {
            "by": model.served_as, "temperature": own.temperature, "max_tokens": own.max_tokens, **variant
        }  # fmt: skip


@dataclass(frozen=True)
class Survey:
    """What a first reading of the prompts tells: how many, how many lines repeat one, a digest of all, and
    the ids of those that were chosen; None for all."""

    prompts: int
    repeats: int
    digest: str
    chosen: frozenset[str] | None = None

    @classmethod
    def of(cls, path: Path, choose: int | None = None) -> Survey:
        """Read a file of prompts, of which some may be chosen. Raises InputError where it cannot be read or
        holds none."""
        chosen = None if choose is None else choose_prompts(path, choose)
        digest, count, repeats = hashlib.sha256(), 0, Repeats()
        for prompt in read_prompts(path, repeats, chosen):
            digest.update(asked_digest(prompt.record))
            count += 1
        if not count:
            raise InputError(f"{path}: holds no prompt")
        return cls(count, repeats.count, digest.hexdigest()[:16], chosen)


def choose_models(policy: Policy, names: Sequence[str] = ()) -> tuple[Model, ...]:
    """The models of these names, or all of the policy, in its order, each ready to be asked.

    Raises InputError for names the policy lacks and for models without an endpoint, SamplingError where a
    key variable is unset.
    """
    chosen = {policy.model(name).name for name in names} or {model.name for model in policy.models}
    models = tuple(model for model in policy.models if model.name in chosen)
    bare = [model.name for model in models if not model.places]
    if bare:
        raise InputError(
            f"{policy.path}: no endpoint for {', '.join(bare)}; give each one, or choose others with --model"
        )
    for model in models:
        for endpoint in model.places:
            read_key(endpoint, model.name)
    return models
