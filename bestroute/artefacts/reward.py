"""RewardModel: how good is each response to a query? The proxy that keeps the best of n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.facts import FACTS, facts_of
from bestroute.artefacts.manifest import MEND, Manifest
from bestroute.artefacts.odds import sigmoid
from bestroute.artefacts.product import product
from bestroute.artefacts.session import Session, TokenRow, clip_characters, single_row
from bestroute.errors import ArtefactError, InputError
from bestroute.text import clean, says_nothing

HEAD = "head.npz"
BUCKETS = 1 << 16  # of pieces and pairs of pieces
Floats = NDArray[np.float32]
Buckets = NDArray[np.int64]
_FIRST, _SECOND = 31321, 7


@runtime_checkable
class RewardModel(Protocol):
    """Anything that scores responses."""

    def rewards(self, query: str, responses: Sequence[str]) -> Floats:
        """One reward for each response, shape (responses,), 0 to 1; higher is better."""
        ...


def rewards_of(model: RewardModel, query: str, responses: Sequence[str]) -> list[float]:
    """What a reward model, perhaps the caller's own, gives each response. Raises InputError where it fails,
    or gives anything but one number from 0 to 1 for each."""
    try:
        rewards = [float(reward) for reward in model.rewards(query, responses)]
    except Exception as error:  # whatever the caller's raises
        raise InputError(f"reward: {type(model).__name__}.rewards failed: {error!r}") from error
    if len(rewards) != len(responses) or not all(0 <= reward <= 1 for reward in rewards):
        raise InputError(
            f"reward: {type(model).__name__}.rewards gave {rewards!r:.80} for {len(responses)} responses; "
            "give each a number from 0 to 1"
        )
    return rewards


class Sight(NamedTuple):
    """What a reward model sees of K responses to a query: the log-odds of its rewards (K,), what its encoder
    says of each (K, features), and the facts, standardised (K, facts)."""

    odds: NDArray[Any]
    features: NDArray[Any]
    facts: NDArray[Any]


@runtime_checkable
class AdaptableReward(RewardModel, Protocol):
    """A reward model that says what its rewards are made of, so that own scores can be fitted to it."""

    manifest: Manifest

    def sight(self, query: str, responses: Sequence[str]) -> Sight:
        """What rewards are made of; at least one response."""
        ...


class OnnxRewardModel:
    """The reward model of an artefact folder: its encoder on onnxruntime, its head in numpy.

    Query and responses are read one by one, and compared by the head: a query is read once, however many
    responses it has. Raises ArtefactError when the folder is missing, damaged, of another kind or shape. Safe
    to share between threads.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._session = Session(folder, "reward", threads)
        self.manifest: Manifest = self._session.manifest
        self._session.check_output("features", self.manifest.features)
        self._head = read_head(folder, self.manifest.features)

    def rewards(self, query: str, responses: Sequence[str]) -> Floats:
        """One reward for each response, shape (responses,); 0 for one that says nothing."""
        if not responses:
            return np.empty(0, np.float32)
        return rewards_by(self.sight(query, responses).odds, responses)

    def sight(self, query: str, responses: Sequence[str]) -> Sight:
        """What rewards are made of; at least one response."""
        asked, *rows = self.rows([query, *responses])
        read = self.read_rows([asked, *rows])
        return self._head.sight(read[:1], read[1:], [buckets_of(row) for row in rows], query, responses)

    def rewards_of_pairs(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """One reward for each (query, response), shape (pairs,); 0 for a response that says nothing."""
        responses: dict[str, list[int]] = {}
        for at, (query, _) in enumerate(pairs):
            responses.setdefault(query, []).append(at)
        rewards = np.empty(len(pairs), np.float32)
        for query, places in responses.items():
            rewards[places] = self.rewards(query, [pairs[at][1] for at in places])
        return rewards

    def read(self, texts: Sequence[str]) -> Floats:
        """What the encoder says of each text, query or response, shape (texts, features)."""
        return self.read_rows(self.rows(texts))

    def rows(self, texts: Sequence[str]) -> list[TokenRow]:
        """Texts, queries or responses, as token ids: head and tail of long ones."""
        limit = self.manifest.max_tokens
        return [single_row(self._session.encode(clip_characters(text, limit)), limit) for text in texts]

    def read_rows(self, rows: Sequence[TokenRow]) -> Floats:
        """What the encoder says of each row, shape (rows, features)."""
        return self._session.run(rows)["features"]


def buckets_of(row: TokenRow) -> Buckets:
    """The buckets, each once, of a response's pieces and of its pairs of neighbouring pieces."""
    ids = np.asarray(row.ids, np.int64)
    found: Buckets = np.unique(
        np.concatenate([ids * _FIRST, ids[:-1] * _FIRST + ids[1:] * _SECOND]) % BUCKETS
    )
    return found


@dataclass(frozen=True)
class Head:
    """A hidden layer on what query and response are, and what they share, beside the facts; wide and deep
    (arXiv 1606.07792).

    Of F features, k facts, and widths w and h: `query` and `response` (F, w), `mixed` (3 w + k, h), `out`
    (h,); `plain` (F,), `facts` (k,) and `wide` (BUCKETS,), which knows single pieces and pairs of them, reach
    the logit past the hidden layer; `centre` and `spread` (k,) standardise the facts. `scale` and `shift`
    (1,) are Platt's.
    """

    query: Floats
    query_bias: Floats
    response: Floats
    response_bias: Floats
    mixed: Floats
    mixed_bias: Floats
    out: Floats
    plain: Floats
    facts: Floats
    wide: Floats
    centre: Floats
    spread: Floats
    scale: Floats
    shift: Floats

    def rewards(
        self, asked: Floats, read: Floats, buckets: Sequence[Buckets], query: str, responses: Sequence[str]
    ) -> Floats:
        """From the features of the query, (1, F), and of its responses, (responses, F), and their buckets."""
        return rewards_by(self.sight(asked, read, buckets, query, responses).odds, responses)

    def sight(
        self, asked: Floats, read: Floats, buckets: Sequence[Buckets], query: str, responses: Sequence[str]
    ) -> Sight:
        """From the features of the query, (1, F), and of its responses, (responses, F), and their buckets."""
        facts = facts_of(query, [clean(response) for response in responses])
        odds: Floats = self.logits(asked, read, buckets, facts) * self.scale + self.shift
        known: Floats = (facts - self.centre) / self.spread
        return Sight(odds, read, known)

    def logits(self, asked: Floats, read: Floats, buckets: Sequence[Buckets], facts: Floats) -> Floats:
        """Before calibration, shape (responses,)."""
        known = (facts - self.centre) / self.spread
        ours = product(read, self.response) + self.response_bias
        theirs = np.broadcast_to(product(asked, self.query) + self.query_bias, ours.shape)
        both = np.concatenate([ours, theirs, ours * theirs, known], 1)
        hidden = np.maximum(product(both, self.mixed) + self.mixed_bias, 0)
        wide = np.array([self.wide[own].sum() / np.sqrt(len(own)) for own in buckets], np.float32)
        past = product(read, self.plain) + product(known, self.facts) + wide
        logits: Floats = product(hidden, self.out) + past
        return logits


def rewards_by(odds: Floats, responses: Sequence[str]) -> Floats:
    """Rewards of log-odds, shape (responses,); 0 for a response that says nothing."""
    rewards: Floats = sigmoid(odds)
    rewards[[says_nothing(clean(response)) for response in responses]] = 0.0
    return rewards


def read_head(folder: Path, features: int) -> Head:
    """The head of an artefact. Raises ArtefactError where it does not fit the manifest."""
    path = folder / HEAD
    try:
        with np.load(path, allow_pickle=False) as file:
            weights = {"wide": np.zeros(BUCKETS)} | dict(file)  # heads had none once
            head = Head(**{name: weights[name].astype(np.float32) for name in Head.__dataclass_fields__})
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(f"{path}: cannot be read ({error}); {MEND}") from error
    width, hidden = head.mixed_bias.shape[0], head.query_bias.shape[0]
    expected = {
        "query": (features, hidden),
        "response": (features, hidden),
        "mixed": (3 * hidden + len(FACTS), width),
        "out": (width,),
        "plain": (features,),
        "facts": (len(FACTS),),
        "wide": (BUCKETS,),
    }
    for name, shape in expected.items():
        found = getattr(head, name).shape
        if found != shape:
            raise ArtefactError(f"{path}: {name} has shape {found}, not {shape}; {MEND}")
    return head
