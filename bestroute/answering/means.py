"""Means: what a router answers with, opened when first needed: reward model, network client, sessions."""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bestroute.answering.sessions import SessionMemory
from bestroute.artefacts.own_reward import open_reward
from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import RewardModel, rewards_of
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.query import Query

if TYPE_CHECKING:
    from bestroute.answering.health import Keeper
    from bestroute.answering.sampling import Sampler

_LOG = logging.getLogger("bestroute.router")


class Opened(NamedTuple):
    """What a router has opened by now, for another to take over; None for what was not needed yet."""

    predictor: Predictor
    reward: RewardModel | None
    sampler: Sampler | None
    sessions: SessionMemory


class Means:
    """The parts of one router, given or the policy's own. Safe to share between threads."""

    def __init__(
        self,
        policy: Policy,
        predictor: Predictor,
        reward: RewardModel | None,
        sampler: Sampler | None,
        sessions: SessionMemory | None,
    ) -> None:
        self._policy, self._predictor = policy, predictor
        self._reward, self._sampler = reward, sampler
        self.sessions = sessions if sessions is not None else SessionMemory()
        self._lock = threading.Lock()

    @property
    def opened(self) -> Opened:
        """What is open by now."""
        with self._lock:
            return Opened(self._predictor, self._reward, self._sampler, self.sessions)

    def reward_model(self) -> RewardModel:
        """The reward model, opened if it was not yet. Raises ArtefactError."""
        with self._lock:
            if self._reward is None:
                self._reward = open_reward(self._policy.reward, self._policy.adapter)
            return self._reward

    def sampler(self) -> Sampler:
        """What asks the models; its client is imported where there was none."""
        from bestroute.answering.sampling import EndpointSampler

        with self._lock:
            if self._sampler is None:
                self._sampler = EndpointSampler()
            return self._sampler

    def keeper(self) -> Keeper | None:
        """What the sampler knows of endpoints; None for one of the caller's own that keeps nothing."""
        return getattr(self.sampler(), "health", None)

    def rewards_of(self, query: Query, texts: Sequence[str]) -> tuple[float, ...]:
        """A reward for each response that is not blank, NaN for the others.

        A reward model that fails must not lose responses that are paid for: all are NaN then.
        """
        rewards = [float("nan")] * len(texts)
        written = [index for index, text in enumerate(texts) if text.strip()]
        if written:
            try:
                known = rewards_of(self.reward_model(), query.text, [texts[index] for index in written])
            except Exception as error:  # whatever it raises, one of the responses is the answer
                _LOG.warning("reward model failed, a response is kept unrewarded: %r", error)
            else:
                for index, reward in zip(written, known, strict=True):
                    rewards[index] = reward
        return tuple(rewards)


def check_travels(name: str, part: object, policy: Policy) -> None:
    """Raise InputError where a part that was given to a router cannot go to another process."""
    try:
        pickle.dumps(part)
    except Exception as error:  # parts are the user's: what they raise is theirs
        raise InputError(
            f"the router's {name} ({type(part).__name__}) cannot go to another process ({error}); "
            f"make the router there: Router.from_policy({str(policy.path)!r}, {name}=...)"
        ) from error
