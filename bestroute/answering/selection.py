"""Which of n responses is kept? A selector goes by rewards, by how many agree, or by both.

Best-of-n by reward alone (BEST-Route, section 3) trusts a small reward model; self-consistency (Wang et al.,
arXiv 2203.11171) trusts the majority; a vote in which every response counts by its reward (Li et al., arXiv
2206.02336) uses what each knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, inf, isfinite
from typing import Protocol

from bestroute.policy.schema import SelectorName


class Selector(Protocol):
    """Chooses the response to keep. Pure: the same whatever the order in which responses arrived."""

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
        ...


class ByReward:
    """The highest reward; a response without one only where none has one."""

    def select(
        self,
        texts: Sequence[str],
        rewards: Sequence[float],
        groups: Sequence[int],
        eligible: Sequence[int] | None = None,
    ) -> int:
        """As Selector says."""
        return min(_may_win(texts, eligible), key=lambda index: _place(index, texts, rewards))


class ByVote:
    """The answer that most responses give; of those the highest reward."""

    def select(
        self,
        texts: Sequence[str],
        rewards: Sequence[float],
        groups: Sequence[int],
        eligible: Sequence[int] | None = None,
    ) -> int:
        """As Selector says."""
        votes = {index: 1.0 for index in _may_win(texts, eligible)}
        return _elected(texts, rewards, groups, votes)


class ByRewardedVote:
    """The answer whose responses have the largest sum of rewards; of those the highest reward.

    A response without a reward adds nothing; where none has one, each counts the same.
    """

    def select(
        self,
        texts: Sequence[str],
        rewards: Sequence[float],
        groups: Sequence[int],
        eligible: Sequence[int] | None = None,
    ) -> int:
        """As Selector says."""
        indices = _may_win(texts, eligible)
        known = {index: float(rewards[index]) for index in indices if isfinite(rewards[index])}
        votes = {index: known.get(index, 0.0) if known else 1.0 for index in indices}
        return _elected(texts, rewards, groups, votes)


SELECTORS: Mapping[SelectorName, type[Selector]] = {
    "reward": ByReward,
    "vote": ByVote,
    "reward+vote": ByRewardedVote,
}


def _may_win(texts: Sequence[str], eligible: Sequence[int] | None) -> list[int]:
    if eligible is not None:
        return list(eligible)
    return [index for index, text in enumerate(texts) if text.strip()]


def _elected(
    texts: Sequence[str], rewards: Sequence[float], groups: Sequence[int], votes: Mapping[int, float]
) -> int:
    """The best member of the group with most votes; the best of all where groups tie."""
    total = {  # fsum: the same in any order
        group: fsum(vote for index, vote in votes.items() if groups[index] == group)
        for group in {groups[index] for index in votes}
    }
    return min(votes, key=lambda index: (-total[groups[index]], *_place(index, texts, rewards)))


def _place(index: int, texts: Sequence[str], rewards: Sequence[float]) -> tuple[float, int, str, int]:
    """Least for the response to keep."""
    reward, text = float(rewards[index]), texts[index]
    return (-reward if isfinite(reward) else inf, len(text), text, index)
