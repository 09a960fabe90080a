"""Replay: what every arm of a policy would have given and cost, from records. No dial, no router."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.answering.checks import Checked, Checks
from bestroute.answering.selection import SELECTORS
from bestroute.artefacts.reward import RewardModel, rewards_of
from bestroute.errors import InputError
from bestroute.evaluate.kept import Pool, kept_weights
from bestroute.evaluate.names import UnknownNames, told_unknown
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.query import Query
from bestroute.records.quality import match_shares
from bestroute.records.record import Record, Response, family_of, scores_of
from bestroute.text import estimate_tokens

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Replay:
    """Queries x arms: what every tier of a policy would have given and cost, from records.

    `texts` are what is routed on; `sources` the source families (a record's source up to its first "/",
    `all` where blank). `arms` are the policy's tiers in file order, the last is the reference; an arm that
    only a rule routes to stands before the last. `quality` (queries, arms) is the expected oracle score of
    the kept response (bestroute.evaluate.kept), `cost` (queries, arms) US$, `single` (queries, arms) the
    expected score of one response of the arm's model, for a portfolio the mean of its models' weighted by
    their n. `match` (queries, arms), where it was asked for, is the probability that the kept response
    scores at least as high as one of the reference, less `margin`. `graded` are the sources with scores that
    are neither 0 nor 1.
    """

    texts: tuple[str, ...]
    sources: tuple[str, ...]
    arms: tuple[Arm, ...]
    quality: Floats
    cost: Floats
    single: Floats
    match: Floats | None = None
    margin: float = 0.0
    graded: frozenset[str] = frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """The arms as they are written, `name@n` or `a@2+b@1`."""
        return tuple(arm.label for arm in self.arms)


@dataclass(frozen=True)
class Recorded:
    """The responses to one query, for strategies that ask more than once.

    `responses` and `output_tokens` (mean of one response) by name of the model; every response but the
    reference's, which is taken whatever it is, has its reward. `input_tokens` are the prompt's, `checked` is
    what the query asks of a response, and remembers those that were checked.
    """

    responses: Mapping[str, tuple[Response, ...]]
    output_tokens: Mapping[str, float]
    input_tokens: float
    checked: Checked


class Replayed(NamedTuple):
    """A replay, its queries as the router sees them, and how many records were left out for which reason,
    some for several.

    `recorded` are the responses to each query, empty unless they were asked for. `unknown` counts the records
    among those left out with responses under a name that the policy does not know, by that name.
    """

    replay: Replay
    queries: tuple[Query, ...]
    left_out: dict[str, int]
    recorded: tuple[Recorded, ...] = ()
    unknown: Mapping[str, int] = MappingProxyType({})


class _Column(NamedTuple):
    """A model's responses to one query."""

    pool: Pool
    scores: Sequence[float]
    output_tokens: float


_LOGGED = (
    "a response of one model does not tell what another would have lost. `bestroute adapt` learns from such "
    "records; to judge quality, let `bestroute collect --choose` ask every model the same prompts; "
    "`calibrate --share`, `--reference-share` and `--budget` need only the queries, and take them from such "
    "records too"
)


class NothingReplayed(InputError):
    """No record can be replayed under a policy; `why` counts the reasons."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(f"no record can be replayed under this policy: {why}; {mend}")
        self.why = why


class _LeftOut(Exception):
    """A record cannot be replayed; the arguments are the reasons as they are counted."""


def replay(
    policy: Policy, records: Iterable[Record], reward: RewardModel | None, margin: float = 0.0
) -> Replayed:
    """Replay every record that can be. Raises NothingReplayed where none can.

    Responses are found by the name of the model, else by its class. Their recorded rewards choose the kept
    one, where every response of the list has one; else those of `reward`. `margin` is that of `match`.
    """
    collector = Collector(policy, reward, margin)
    for record in records:
        collector.add(record, query_of(record))
    return collector.finish()


def query_of(record: Record) -> Query:
    """The query as the router would have got it. Raises InputError for one with nothing to route on."""
    return Query.of({**record.asked, "metadata": record.metadata, "id": record.id or None})


def arms_of(policy: Policy) -> tuple[Arm, ...]:
    """Every arm that may answer under a policy: its tiers, then what only rules route to, the reference last.

    An arm of two tiers stands once, where it stands first.
    """
    last = policy.tiers[-1].arm
    routes = [rule.route for rule in policy.rules if rule.route is not None]
    arms = dict.fromkeys([*(tier.arm for tier in policy.tiers), *routes])
    arms.pop(last, None)
    return (*arms, last)


@dataclass
class Collector:
    """Takes records one at a time and keeps numbers; no response is held in memory unless `keep_responses`.

    `rewarded` counts the responses that had no reward and were given the reward model's, `single` the records
    left out that hold responses of one model alone, as a log does.
    """

    policy: Policy
    reward: RewardModel | None
    margin: float = 0.0
    keep_responses: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    rewarded: int = 0
    single: int = 0
    _queries: list[Query] = field(default_factory=list)
    _sources: list[str] = field(default_factory=list)
    _rows: list[Floats] = field(default_factory=list)
    _recorded: list[Recorded] = field(default_factory=list)
    _graded: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._arms = arms_of(self.policy)
        self._checks = Checks(self.policy.sampling.checks)
        self._selector = SELECTORS[self.policy.sampling.select]()
        self._deepest: dict[str, int] = {}
        for name, n in (part for arm in self._arms for part in arm.parts):
            self._deepest[name] = max(n, self._deepest.get(name, 1))
        self._compared = {name for arm in self._arms if arm.n > 1 for name in arm.models}
        self._unknown = UnknownNames(self.policy)

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, record: Record, query: Query) -> None:
        """Replay one record, or count why it is left out."""
        tokens = query.input_tokens if record.input_tokens is None else record.input_tokens
        try:
            responses, checked = self._rewarded(record, query), self._checks.of(query)
            row = self._row(responses, tokens, checked)
        except _LeftOut as reasons:
            self.left_out.update(reasons.args)
            self._unknown.add(record)
            self.single += len(record.responses) == 1
            return
        if self.keep_responses:
            lengths = {name: _output_tokens(items, name) for name, items in responses.items()}
            self._recorded.append(Recorded(responses, lengths, tokens, checked))
        self._queries.append(query)
        self._sources.append(family_of(record.source))
        if any(0 < score < 1 for items in responses.values() for score in scores_of(items)):
            self._graded.add(family_of(record.source))
        self._rows.append(row)

    @property
    def reasons(self) -> str:
        """Why records were left out, the commonest reason first; "" where none was."""
        return "; ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())

    def finish(self) -> Replayed:
        """The replay of all that was added. Raises NothingReplayed where nothing could be."""
        if not self._rows:
            unknown = told_unknown(self._unknown.found, (model.name for model in self.policy.models))
            mend = _LOGGED if self.single else "give records with responses of every model of its tiers"
            raise NothingReplayed("; ".join(filter(None, [self.reasons, unknown])) or "there is none", mend)
        quality, cost, single, match = np.stack(self._rows, axis=1)
        replayed = Replay(
            texts=tuple(query.text for query in self._queries),
            sources=tuple(self._sources),
            arms=self._arms,
            quality=quality,
            cost=cost,
            single=single,
            match=match,
            margin=self.margin,
            graded=frozenset(self._graded),
        )
        left_out = dict(self.left_out.most_common())
        recorded = tuple(self._recorded)
        return Replayed(replayed, tuple(self._queries), left_out, recorded, self._unknown.found)

    def _rewarded(self, record: Record, query: Query) -> dict[str, tuple[Response, ...]]:
        """Every model's responses, with rewards where they are compared or, in a plan, judged by them."""
        found = {}
        for name, responses in self._responses(record).items():
            judged = self.keep_responses and name != self.policy.reference
            if judged or name in self._compared:
                if self.keep_responses and any(item.text is None for item in responses):
                    raise _LeftOut(f"without texts, by which plans judge, of {name}")
                rewards = self._rewards(query, responses, name)
                pairs = zip(responses, rewards, strict=True)
                responses = tuple(replace(item, reward=reward) for item, reward in pairs)
            found[name] = responses
        return found

    def _row(self, found: Mapping[str, tuple[Response, ...]], tokens: float, checked: Checked) -> Floats:
        """Quality, cost, single and match of every arm; shape (4, arms)."""
        models = {name: self.policy.model(name) for name in found}
        reference = scores_of(found[self._arms[-1].model])
        columns = {}
        for name, responses in found.items():
            rewards = [(item.reward or 0.0) if name in self._compared else 0.0 for item in responses]
            texts = tuple(item.text for item in responses if item.text is not None)
            fails = [len(checked(item.text or "")) if name in self._compared else 0 for item in responses]
            pool = Pool(texts if len(texts) == len(responses) else None, rewards, fails)
            columns[name] = _Column(pool, scores_of(responses), _output_tokens(responses, name))
        row = np.empty((4, len(self._arms)))
        for index, arm in enumerate(self._arms):
            parts = [(columns[name], n) for name, n in arm.parts]
            cost = sum(models[name].cost(n, tokens, columns[name].output_tokens) for name, n in arm.parts)
            single = sum(n * float(np.mean(of.scores)) for of, n in parts) / arm.n
            kept = self._kept_of(parts, reference)
            row[:, index] = kept[0], cost, single, kept[1]
        return row

    def _kept_of(
        self, parts: Sequence[tuple[_Column, int]], reference: Sequence[float]
    ) -> tuple[float, float]:
        """Quality and match of the response that is kept of n of each model's."""
        weights = kept_weights(self._selector, [column.pool for column, _ in parts], [n for _, n in parts])
        kept = [(column.scores, weight) for (column, _), weight in zip(parts, weights, strict=True)]
        quality = sum(float(weight @ np.asarray(scores)) for scores, weight in kept)
        match = sum(float(weight @ match_shares(scores, reference, self.margin)) for scores, weight in kept)
        return quality, match

    def _responses(self, record: Record) -> dict[str, tuple[Response, ...]]:
        """Those of every model. Raises _LeftOut with what is wanting of each."""
        found, wanting = {}, []
        for name, n in self._deepest.items():
            found[name] = (
                record.responses.get(name) or record.responses.get(self.policy.model(name).column) or ()
            )
            if len(found[name]) < n:
                wanting.append(
                    f"with fewer than {n} responses of {name}"
                    if found[name]
                    else f"without responses of {name}"
                )
        if wanting:
            raise _LeftOut(*wanting)
        return found

    def _rewards(self, query: Query, responses: Sequence[Response], name: str) -> list[float]:
        """The recorded rewards where all are known, else the reward model's; a blank response has 0."""
        recorded = [response.reward for response in responses if response.reward is not None]
        if len(recorded) == len(responses):
            return recorded
        texts = [response.text for response in responses if response.text is not None]
        if self.reward is None or len(texts) < len(responses):
            raise _LeftOut(f"without rewards, or texts to reward, of {name}")
        known = rewards_of(self.reward, query.text, texts)
        self.rewarded += len(texts)
        return [reward if text.strip() else 0.0 for reward, text in zip(known, texts, strict=True)]


def _output_tokens(responses: Sequence[Response], name: str) -> float:
    """Mean tokens of one response: recorded, else estimated from the text."""
    counts = []
    for response in responses:
        if response.output_tokens is not None:
            counts.append(response.output_tokens)
        elif response.text is not None:
            counts.append(estimate_tokens(response.text))
        else:
            raise _LeftOut(f"without output tokens, or texts to count them, of {name}")
    return float(np.mean(counts))
