"""Posterior: what the kept response is worth once responses are there, and whether asking on will suffice.

Three logistic models on a handful of numbers each, so that a judgement takes microseconds and can be read.
Where they were trained on records that have it, how sure the model was of its tokens counts besides.
They know no class by name: a response counts by the quality that the router model predicts for one response
of its class, so models of a user's own are judged like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, inf, isfinite, log
from pathlib import Path
from typing import Any, NamedTuple

from bestroute.artefacts.manifest import MEND, check_files, read_manifest
from bestroute.artefacts.sureness import SURENESS_FEATURES, UNKNOWN, Sureness
from bestroute.errors import ArtefactError

WEIGHTS = "weights.json"
_CLIP = 0.01


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the responses to one query so far.

    `priors`: for each response, the predicted quality of one response of its class. `rewards`: theirs, NaN
    where there is none. `groups`: which answer each gives; equal numbers agree. `reference`: the predicted
    quality of one response of the reference. `kept`: index of the response that would be kept now.
    `sureness`: how sure its writer was of its tokens.
    """

    priors: tuple[float, ...]
    rewards: tuple[float, ...]
    groups: tuple[int, ...]
    reference: float
    kept: int
    sureness: Sureness = UNKNOWN

    @property
    def agreement(self) -> float:
        """Share of the responses, counted by their priors, that give the kept one's answer; 0 to 1."""
        return self._mass(self.groups[self.kept]) / max(sum(self.priors), _CLIP)

    def _mass(self, group: int) -> float:
        return sum(p for p, of in zip(self.priors, self.groups, strict=True) if of == group)

    def features(self) -> tuple[float, ...]:
        """The numbers that QUALITY_FEATURES names."""
        group, own = self.groups[self.kept], self.rewards[self.kept]
        best = agreeing = everyone = 0.0
        rival = -inf
        for prior, reward, of in zip(self.priors, self.rewards, self.groups, strict=True):
            everyone += prior
            if of == group:
                agreeing += prior
                best = max(best, prior)
            elif isfinite(reward):
                rival = max(rival, reward)
        known = isfinite(own)
        reward = logit(own) if known else 0.0
        return (
            logit(best),
            logit(self.reference),
            agreeing - best,
            everyone - agreeing,
            agreeing / max(everyone, _CLIP),
            float(len(self.priors) == 1),
            log(len(self.priors)),
            reward,
            reward - logit(rival) if known and rival > -inf else 0.0,
        )


QUALITY_FEATURES = (
    "logit of the best prior among the responses that agree with the kept one",
    "logit of the reference's prior",
    "priors of the others that agree, summed",
    "priors of those that do not, summed",
    "agreement",
    "whether the response is alone",
    "log of the number of responses",
    "logit of the kept one's reward, 0 where unknown",
    "its lead over the highest reward that does not agree, in logits",
)
# A response that agrees never lowers the worth of the kept one, nor does its reward; held in training.
RISING = (0, 2, 4, 7)
FALLING = (3,)
KEPT_REWARD = 7


@dataclass(frozen=True, slots=True)
class Judgement:
    """The worth of what is there: expected `quality` of the kept response, and of one of the reference."""

    quality: float
    reference: float

    @property
    def gap(self) -> float:
        """The gap after sampling: what is expected to be lost by keeping it, in quality points."""
        return self.reference - self.quality


@dataclass(frozen=True, slots=True)
class Outlook:
    """An arm that might be asked next: will the gap then be within the dial?

    `agreed` and `differed` are the gaps after if all its responses came to agree, or none did. `prior`: the
    best predicted quality of one response among its models. `agreement`: of what is there, 0 where nothing
    is. `there`, `more`: responses there are, and responses it adds.
    """

    agreed: float
    differed: float
    prior: float
    agreement: float
    there: int
    more: int

    def features(self) -> tuple[float, ...]:
        """The numbers that AGREE_FEATURES names."""
        return (
            logit(self.prior),
            log(self.more),
            float(self.there > 0),
            self.agreement,
            logit(self.prior) * (self.there > 0),
        )


AGREE_FEATURES = (
    "logit of the arm's best prior",
    "log of the responses it adds",
    "whether something is there",
    "agreement of what is there, 0 where nothing is",
    "logit of the arm's best prior where something is there, else 0",
)
_SOFT = 0.015  # quality points: how far a gap after is from the one that was imagined


class Chance(NamedTuple):
    """The `probability` that a gap after fits the dial, which never falls as the dial rises, and the
    expected `gap` where it does: the sum over what may come of probability times gap, in quality points."""

    probability: float
    gap: float


@dataclass(frozen=True)
class Logistic:
    """sigmoid(intercept + weights . features)."""

    intercept: float
    weights: tuple[float, ...]

    def __call__(self, features: Sequence[float]) -> float:
        """The probability, strictly between 0 and 1."""
        value = self.intercept
        for weight, feature in zip(self.weights, features, strict=True):
            value += weight * feature
        return 1 / (1 + exp(-max(-30.0, min(30.0, value))))


@dataclass(frozen=True)
class Posterior:
    """The three models: quality of the kept response, of one of the reference, and whether responses will
    agree.

    `reward` is that of a kept response in general, which those that are only imagined have.
    """

    kept: Logistic
    reference: Logistic
    agrees: Logistic
    reward: float

    @classmethod
    def load(cls, folder: Path) -> Posterior:
        """The posterior of an artefact folder. Raises ArtefactError when it is missing, damaged or
        foreign."""
        check_files(folder, read_manifest(folder, "posterior"))
        path = folder / WEIGHTS
        try:
            return cls.from_dict(json.loads(path.read_text("utf-8")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtefactError(f"{path}: not a posterior's weights ({error}); {MEND}") from error

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Posterior:
        """From `as_dict`'s form. Raises KeyError, TypeError or ValueError for another."""
        of_quality = len(QUALITY_FEATURES)
        if len(raw["kept"]["weights"]) > of_quality:
            of_quality += len(SURENESS_FEATURES)
        return cls(
            kept=_logistic(raw["kept"], of_quality),
            reference=_logistic(raw["reference"], of_quality),
            agrees=_logistic(raw["agrees"], len(AGREE_FEATURES)),
            reward=float(raw["reward"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @property
    def reads_sureness(self) -> bool:
        """Whether it was trained on how sure models were of their tokens, too."""
        return len(self.kept.weights) > len(QUALITY_FEATURES)

    def judge(self, evidence: Evidence) -> Judgement:
        """What the kept response, and the reference, are worth by the evidence."""
        features = evidence.features()
        if self.reads_sureness:
            features += evidence.sureness.features()
        return Judgement(self.kept(features), self.reference(features))

    def outlook(
        self, evidence: Evidence | None, reference: float, added: Sequence[tuple[float, int]]
    ) -> Outlook:
        """What asking on would show; `added` are (prior, responses) of each model that would be asked.

        Agreeing responses agree with the kept one or, where that is better, with one another alone.
        """
        priors = tuple(prior for prior, more in added for _ in range(more))
        known = evidence or Evidence((), (), (), reference, 0)
        fresh = max(known.groups, default=-1) + 1
        rewards = (self.reward,) * len(priors)

        def gap(groups: tuple[int, ...], kept: int) -> float:
            there = (known.priors + priors, known.rewards + rewards, known.groups + groups)
            sureness = known.sureness if evidence is not None and kept == known.kept else UNKNOWN
            return self.judge(Evidence(*there, reference, kept, sureness)).gap

        best = len(known.priors) + priors.index(max(priors))
        own = (fresh,) * len(priors)
        apart = tuple(range(fresh, fresh + len(priors)))
        if evidence is None:
            agreed, differed = gap(own, best), gap(apart, best)
        else:
            joined = (known.groups[known.kept],) * len(priors)
            agreed = min(gap(own, best), gap(joined, known.kept))
            differed = min(gap(apart, best), gap(apart, known.kept))
        return Outlook(
            agreed=agreed,
            differed=differed,
            prior=max(priors),
            agreement=0.0 if evidence is None else evidence.agreement,
            there=len(known.priors),
            more=len(priors),
        )

    def chance(self, outlook: Outlook, dial: float) -> Chance:
        """Whether the gap after will be within the dial, and what it then is."""
        fits = [(chance * _within(dial, gap), gap) for chance, gap in self.outcomes(outlook)]
        return Chance(sum(fit for fit, _ in fits), sum(fit * gap for fit, gap in fits))

    def outcomes(self, outlook: Outlook) -> tuple[tuple[float, float], ...]:
        """What may come, each with its probability and gap after, in quality points."""
        agrees = self.agrees(outlook.features())
        return (agrees, outlook.agreed), (1 - agrees, outlook.differed)


def _within(dial: float, gap: float) -> float:
    """Whether a gap is within the dial, softly."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, (dial - gap) / _SOFT))))


def logit(probability: float) -> float:
    """Log odds, of a probability held between 0.01 and 0.99."""
    held = min(max(probability, _CLIP), 1 - _CLIP)
    return log(held / (1 - held))


def _logistic(raw: Mapping[str, Any], count: int) -> Logistic:
    weights = tuple(float(weight) for weight in raw["weights"])
    intercept = float(raw["intercept"])
    if len(weights) != count:
        raise ValueError(f"{len(weights)} weights where {count} are needed")
    if not all(map(isfinite, (intercept, *weights))):
        raise ValueError("a weight is not a finite number")
    return Logistic(intercept, weights)
