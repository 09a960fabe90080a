"""Records to what an adapter learns from: every model's scores, a row for each different query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bestroute.answering.selection import SELECTORS, Selector
from bestroute.artefacts.predictor import Prediction, Predictor
from bestroute.artefacts.reward import RewardModel
from bestroute.errors import InputError
from bestroute.evaluate.kept import Pool, kept_weights
from bestroute.evaluate.names import UnknownNames, told_unknown
from bestroute.evaluate.replay import query_of
from bestroute.policy import Policy
from bestroute.records.quality import match_shares
from bestroute.records.record import Record, Response, bucket, query_hash, scores_of
from bestroute.text import estimate_tokens

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_BATCH = 64
FOLDS = 5
_STRATA, _IN_STRATUM = 5, 20


@dataclass(frozen=True)
class Own:
    """Q different queries with the scores of M models on them; NaN where a model was not asked.

    `quality` (Q, M, N): of the kept response of n; beyond n = 1 only where the responses have rewards.
    `match` (Q, M): how likely one response is worth one of the reference's. `tokens` (Q, M): mean output
    tokens. `strata` (Q,): queries of one kind that are predicted to be about as hard; `weights` (Q, M) make
    up for a model that some strata asked less often than others.
    `fold` (Q,): 0 to 4, in the order of the texts' hashes, so that the order of records does not matter.
    `hashes` (Q,) of the texts; `order` (Q,), by which they stand. `kinds`: the sources, `languages`: as
    metadata tell them, "" where they do not. `said`: what is predicted.
    """

    texts: NDArray[np.str_]
    hashes: NDArray[np.uint64]
    order: NDArray[np.uint64]
    kinds: NDArray[np.str_]
    languages: NDArray[np.str_]
    quality: Floats
    match: Floats
    tokens: Floats
    strata: Indices
    weights: Floats
    fold: Indices
    said: Prediction

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def score(self) -> Floats:
        """Of one response, (Q, M)."""
        first: Floats = self.quality[:, :, 0]
        return first

    def covered(self, model: int) -> float:
        """The share of the queries in strata where this model was asked at all."""
        asked = ~np.isnan(self.score[:, model])
        return float(np.isin(self.strata, self.strata[asked]).mean())

    def at(self, places: Indices) -> Own:
        """Some of the queries."""
        parts = {field.name: getattr(self, field.name) for field in fields(Own) if field.name != "said"}
        return Own(**{name: part[places] for name, part in parts.items()}, said=taken(self.said, places))


class OwnReader:
    """Takes records one at a time; gives what is known of the models of a policy.

    Responses are found by the name of the model, else by its class; records of one query are put together.
    Where a model has several responses without rewards and `reward` is given, it rewards them, if their texts
    are known. `left_out` counts the records of no use, by reason, `unknown` those with responses under a name
    that the policy does not know, where a model has none.
    """

    def __init__(self, policy: Policy, max_n: int, margin: float, reward: RewardModel | None) -> None:
        self.left_out: Counter[str] = Counter()
        self.unknown = UnknownNames(policy)
        self._policy, self._max_n, self._margin, self._reward = policy, max_n, margin, reward
        self._selector = SELECTORS[policy.sampling.select]()
        self._sampled = {name for tier in policy.tiers if tier.n > 1 for name, _ in tier.parts}
        self._found: dict[str, Record] = {}
        self._responses: dict[str, dict[str, list[Response]]] = {}

    def add(self, record: Record) -> None:
        """Take one record."""
        try:
            text = query_of(record).text
        except InputError:
            text = ""
        if not text.strip():
            self.left_out["without a query that can be routed on"] += 1
            return
        found = {
            model.name: record.responses.get(model.name) or record.responses.get(model.column) or ()
            for model in self._policy.models
        }
        if not all(found.values()):
            self.unknown.add(record)
        if not any(found.values()):
            self.left_out["without scored responses of a model of the policy"] += 1
            return
        self._found.setdefault(text, record)
        known = self._responses.setdefault(text, {})
        for name, responses in found.items():
            known.setdefault(name, []).extend(responses)

    def finish(
        self, predictor: Predictor, advance: Callable[[], None] = lambda: None, fewest: int = FOLDS
    ) -> Own:
        """What was taken, in the order of the queries' hashes. Raises InputError where that is too little."""
        texts = sorted(self._found, key=lambda text: (order_of(text), text))
        if len(texts) < fewest:
            names = ", ".join(model.name for model in self._policy.models[:8])
            reasons = "; ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
            unknown = told_unknown(self.unknown.found, (model.name for model in self._policy.models))
            raise InputError(
                f"{len(texts)} queries have scored responses of a model of the policy, {fewest} are the "
                f"fewest ({reasons or 'there are no more'}); {f'{unknown}; ' if unknown else ''}"
                f"key responses by the names {names}"
            )
        shape = (len(texts), len(self._policy.models))
        quality = np.full((*shape, self._max_n), np.nan)
        match, tokens = np.full(shape, np.nan), np.full(shape, np.nan)
        for row, text in enumerate(texts):
            self._fill(quality[row], match[row], tokens[row], text)
            advance()
        kinds = np.array([self._found[text].source.strip() or "all" for text in texts])
        said = predict_all(predictor, texts)
        strata = strata_of(kinds, said.quality[:, :, 0].mean(axis=1).astype(np.float64))
        return Own(
            texts=np.array(texts, object),
            hashes=np.array([query_hash(text) for text in texts], np.uint64),
            order=np.array([order_of(text) for text in texts], np.uint64),
            kinds=kinds,
            languages=np.array([_language(self._found[text]) for text in texts]),
            quality=quality,
            match=match,
            tokens=tokens,
            strata=strata,
            weights=asked_weights(strata, ~np.isnan(quality[:, :, 0])),
            fold=np.arange(len(texts)) % FOLDS,
            said=said,
        )

    def _fill(self, quality: Floats, match: Floats, tokens: Floats, text: str) -> None:
        """One query's rows."""
        responses = self._responses[text]
        reference = responses[self._policy.reference]
        for column, model in enumerate(self._policy.models):
            items = responses[model.name]
            if not items:
                continue
            scores = scores_of(items)
            quality[column, 0] = np.mean(scores)
            if reference:
                match[column] = match_shares(scores, scores_of(reference), self._margin).mean()
            tokens[column] = mean_tokens(items)
            if len(items) > 1 and model.name in self._sampled:
                quality[column, 1:] = self._best_of(text, items, scores)[1:]

    def _best_of(self, text: str, items: Sequence[Response], scores: Sequence[float]) -> Floats:
        """Quality of the kept one of n = 1..N; NaN where that is not known."""
        kept = np.full(self._max_n, np.nan)
        rewards = self._rewards(text, items)
        if rewards is not None:
            known = [item.text for item in items if item.text is not None]
            pool = Pool(tuple(known) if len(known) == len(items) else None, rewards)
            for n in range(1, min(self._max_n, len(items)) + 1):
                kept[n - 1] = kept_of(self._selector, pool, n) @ np.asarray(scores)
        return kept

    def _rewards(self, text: str, items: Sequence[Response]) -> list[float] | None:
        """The recorded rewards where all are known, else the reward model's; a blank response has 0."""
        recorded = [item.reward for item in items if item.reward is not None]
        if len(recorded) == len(items):
            return recorded
        texts = [item.text for item in items if item.text is not None]
        if self._reward is None or len(texts) < len(items):
            return None
        known = self._reward.rewards(text, texts)
        return [float(value) if one.strip() else 0.0 for value, one in zip(known, texts, strict=True)]


def order_of(text: str) -> int:
    """By which queries stand, and are dealt to folds: the same for every order of the records."""
    return bucket(text, "adapt", 2**32)


def kept_of(selector: Selector, pool: Pool, n: int) -> Floats:
    """Probability that each response of one model is the kept one of n."""
    [weights] = kept_weights(selector, [pool], [n])
    return weights


def mean_tokens(items: Sequence[Response]) -> float:
    """Of one response: recorded, else estimated from the texts; NaN where neither is there."""
    counts = [
        estimate_tokens(item.text or "") if item.output_tokens is None else item.output_tokens
        for item in items
        if item.output_tokens is not None or item.text is not None
    ]
    return float(np.mean(counts)) if counts else float("nan")


def asked_weights(strata: NDArray[np.intp], asked: NDArray[np.bool_]) -> Floats:
    """Weights (Q, M) by the inverse of how often each model was asked in a query's stratum.

    So a model that got mostly easy queries is not flattered. Where every model was asked alike they are 1.
    Mean 1 over the queries that a model was asked; at most 10, so that no query speaks for all.
    """
    weights = np.zeros(asked.shape)
    for stratum in np.unique(strata):
        rows = strata == stratum
        share = asked[rows].mean(axis=0)
        weights[rows] = np.divide(1, share, out=np.zeros_like(share), where=share > 0)
    weights = np.where(asked, weights, 0.0)
    total = weights.sum(axis=0)
    mean = np.divide(total, asked.sum(axis=0), out=np.ones_like(total), where=total > 0)
    bounded: Floats = np.minimum(weights / mean, 10.0)
    return bounded


def strata_of(kinds: NDArray[np.str_], quality: Floats) -> NDArray[np.intp]:
    """Queries (Q,) of one kind of traffic that are predicted to be about as hard, by number.

    `quality` (Q,) is what is predicted. A kind has five strata of about as many queries at most, and one for
    each 20 queries.
    """
    strata = np.empty(len(kinds), np.intp)
    first = 0
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        count = min(_STRATA, max(1, len(rows) // _IN_STRATUM))
        order = rows[np.argsort(quality[rows], kind="stable")]
        strata[order] = first + np.arange(len(rows)) * count // len(rows)
        first += count
    return strata


def predict_all(predictor: Predictor, texts: Sequence[str]) -> Prediction:
    """What the router model says of every text."""
    parts = [
        predictor.predict(predictor.tokenize(texts[start : start + _BATCH]))
        for start in range(0, len(texts), _BATCH)
    ]
    return joined(parts)


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Predictions one after the other."""
    return _each(lambda name: np.concatenate([getattr(part, name) for part in parts]), parts[0])


def taken(known: Prediction, places: Indices) -> Prediction:
    """Some of the predictions."""
    return _each(lambda name: getattr(known, name)[places], known)


def _each(make: Callable[[str], NDArray[np.float32]], like: Prediction) -> Prediction:
    made = {field.name: make(field.name) for field in fields(like) if getattr(like, field.name) is not None}
    return Prediction(**made)


def _language(record: Record) -> str:
    told = (record.metadata or {}).get("language")
    return told if isinstance(told, str) else ""


def read_own(
    policy: Policy,
    records: Iterable[Record],
    predictor: Predictor,
    reward: RewardModel | None = None,
) -> Own:
    """What records tell of a policy's models. Raises InputError where that is nothing."""
    reader = OwnReader(policy, predictor.manifest.max_n, predictor.manifest.margin, reward)
    for record in records:
        reader.add(record)
    return reader.finish(predictor)
