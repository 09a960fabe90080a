"""Pick: of responses that are there already, the one to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bestroute.answering.agreement import Same, group
from bestroute.answering.checks import Checked, Checks
from bestroute.answering.selection import SELECTORS, Selector, failing_least
from bestroute.artefacts.reward import RewardModel, rewards_of
from bestroute.errors import InputError
from bestroute.policy.sampling import DEFAULT_CHECKS, DEFAULT_SELECTOR
from bestroute.query import Query, QueryLike


class Pick(NamedTuple):
    """The kept response: its index, and of every response in the order given its reward (0 to 1) and group.

    Responses of equal group number give the same answer; group 0 is the largest. `failed`: the names of the
    checks that each one fails.
    """

    best: int
    rewards: tuple[float, ...]
    groups: tuple[int, ...]
    failed: tuple[tuple[str, ...], ...] = ()


def pick(
    model: RewardModel,
    query: QueryLike,
    responses: Sequence[str],
    select: Selector | None = None,
    same: Same | None = None,
    checked: Checked | None = None,
) -> Pick:
    """Reward every response and keep one. Raises InputError when there is none to keep, one is no
    text, or `model` does not reward them all.

    `select` chooses, by rewards and agreement if absent; `same` tells which responses agree, as code does
    that behaves the same (`group` in bestroute.answering.agreement if absent). `checked` tells what a
    response fails of what the query asks for (the default checks if absent); of those that fail least one is
    kept, and the others have no say. Blank responses have reward 0 and never win; ties go to the higher
    reward, the shorter text, the earlier in the alphabet, so the order of arrival does not matter.
    """
    texts = _texts(responses)
    if not any(text.strip() for text in texts):
        raise InputError("there is no response to pick from: give at least one that is not blank")
    asked = Query.of(query)
    checked = Checks(DEFAULT_CHECKS).of(asked) if checked is None else checked
    failed = tuple(map(checked, texts))
    known = rewards_of(model, asked.text, texts)
    rewards = tuple(reward if text.strip() else 0.0 for reward, text in zip(known, texts, strict=True))
    groups = group(texts, same).of
    chosen = select if select is not None else SELECTORS[DEFAULT_SELECTOR]()
    written = [index for index, text in enumerate(texts) if text.strip()]
    best = chosen.select(texts, rewards, groups, failing_least(written, failed))
    return Pick(best, rewards, groups, failed)


def _texts(responses: Iterable[str]) -> list[str]:
    if isinstance(responses, (str, bytes, Mapping)) or not isinstance(responses, Iterable):
        raise InputError(f"responses is {type(responses).__name__}; give a list of texts")
    texts = list(responses)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"responses[{index}] is {type(text).__name__}; give a text")
    return texts
