"""Which of n responses is kept? A selector goes by rewards, by how many agree, or by both.

Best-of-n by reward alone (BEST-Route, section 3) trusts a small reward model; self-consistency (Wang et al.,
arXiv 2203.11171) trusts the majority; a vote in which every response counts by its reward (Li et al., arXiv
2206.02336) uses what each knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from math import fsum, inf, isfinite

from bestroute.policy.sampling import SelectorName


class Selector(ABC):
    """Chooses the response to keep: the best one of the answer with most votes; of all where answers tie.

    Pure: the same whatever the order in which responses arrived.
    """

    def select(
        self,
        texts: Sequence[str],
        rewards: Sequence[float],
        groups: Sequence[int],
        eligible: Sequence[int] | None = None,
    ) -> int:
        """Index of the response to keep.

        `rewards` has one for each text, NaN where there is none; `groups` a number for each, equal where two
        agree. `eligible` are the indices of those that may be kept, all that are not blank if absent; the
        others have no say. Ties go to the higher reward, the shorter text, the earlier in the alphabet.
        Raises ValueError where nothing is eligible.
        """
        if eligible is None:
            eligible = [index for index, text in enumerate(texts) if text.strip()]
        votes = self._votes({index: float(rewards[index]) for index in eligible})
        total = {  # fsum: the same in any order
            group: fsum(vote for index, vote in votes.items() if groups[index] == group)
            for group in {groups[index] for index in votes}
        }
        return min(votes, key=lambda index: (-total[groups[index]], *_place(index, texts, rewards)))

    @abstractmethod
    def _votes(self, rewards: Mapping[int, float]) -> dict[int, float]:
        """What each response counts for its answer, from the rewards of those that may be kept."""


class ByReward(Selector):
    """The highest reward; a response without one only where none has one."""

    def _votes(self, rewards: Mapping[int, float]) -> dict[int, float]:
        return dict.fromkeys(rewards, 0.0)


class ByVote(Selector):
    """The answer that most responses give; of those the highest reward."""

    def _votes(self, rewards: Mapping[int, float]) -> dict[int, float]:
        return dict.fromkeys(rewards, 1.0)


class ByRewardedVote(Selector):
    """The answer whose responses have the largest sum of rewards; of those the highest reward.

    A response without a reward adds nothing; where none has one, each counts the same.
    """

    def _votes(self, rewards: Mapping[int, float]) -> dict[int, float]:
        known = any(map(isfinite, rewards.values()))
        return {index: reward if isfinite(reward) else float(not known) for index, reward in rewards.items()}


def failing_least(eligible: Iterable[int], failed: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Those of the eligible responses that fail the fewest checks; `failed` names those of every response."""
    chosen = tuple(eligible)
    least = min((len(failed[index]) for index in chosen), default=0)
    return tuple(index for index in chosen if len(failed[index]) == least)


SELECTORS: Mapping[SelectorName, type[Selector]] = {
    "reward": ByReward,
    "vote": ByVote,
    "reward+vote": ByRewardedVote,
}


def _place(index: int, texts: Sequence[str], rewards: Sequence[float]) -> tuple[float, int, str, int]:
    """Least for the response to keep."""
    reward, text = float(rewards[index]), texts[index]
    return (-reward if isfinite(reward) else inf, len(text), text, index)
