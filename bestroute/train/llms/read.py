"""Records to what each class and LLM scored, with the spellings of one LLM put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.known import Level
from bestroute.artefacts.names import forms
from bestroute.errors import InputError
from bestroute.evaluate.replay import query_of
from bestroute.records.record import Record, Split, bucket, family_of, scores_of, split_of
from bestroute.train.adapt.own import mean_tokens

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_Scores: TypeAlias = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Answers:
    """What a class or an LLM scored: the places (n,) of its queries among all, their scores and output
    tokens (n,), NaN where these are not known. `also`: its other spellings."""

    name: str
    also: tuple[str, ...]
    places: Indices
    scores: Floats
    tokens: Floats

    def at(self, chosen: NDArray[np.bool_]) -> Answers:
        """Some of the queries."""
        return Answers(self.name, self.also, self.places[chosen], self.scores[chosen], self.tokens[chosen])

    def levels(self, sources: NDArray[np.str_]) -> dict[str, Level]:
        """Mean score by source, the one with most queries first."""
        own = sources[self.places]
        found = {
            str(source): Level(round(float(self.scores[own == source].mean()), 3), int(count))
            for source, count in zip(*np.unique(own, return_counts=True), strict=True)
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1].queries, item[0])))


@dataclass(frozen=True)
class Corpus:
    """Q different queries, their source families and splits (Q,), and who answered them."""

    texts: tuple[str, ...]
    sources: NDArray[np.str_]
    splits: NDArray[np.str_]
    answers: tuple[Answers, ...]

    def of(self, answers: Answers, split: Split) -> Answers:
        """Those of one split."""
        return answers.at(self.splits[answers.places] == split)


def read_corpus(records: Iterable[Record], splits: Collection[Split] = ("train", "validation")) -> Corpus:
    """What the records tell of the queries of some splits, in the order of their hashes; of a query that
    stands in several, together.

    Raises InputError where that is nothing.
    """
    sources: dict[str, str] = {}
    found: dict[str, _Scores] = defaultdict(lambda: defaultdict(list))
    for record in records:
        text = query_of(record).text
        if not text.strip() or split_of(text) not in splits:
            continue
        sources.setdefault(text, family_of(record.source))
        for name, responses in record.responses.items():
            found[name][text].append((float(np.mean(scores_of(responses))), mean_tokens(responses)))
    if not sources:
        raise InputError("no record has a query to learn from")
    texts = sorted(sources, key=lambda text: (bucket(text, "adapt", 2**32), text))
    places = {text: place for place, text in enumerate(texts)}
    return Corpus(
        texts=tuple(texts),
        sources=np.array([sources[text] for text in texts]),
        splits=np.array([split_of(text) for text in texts]),
        answers=tuple(_answers(names, found, places) for names in _spellings(found)),
    )


def _spellings(found: Mapping[str, _Scores]) -> list[list[str]]:
    """Names of one LLM together, the one with most queries first. Names that were asked the same queries are
    different LLMs, as a base model and the one that talks."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(found, key=lambda name: (-len(found[name]), name)):
        alike[forms(name).plain].append(name)
    together = []
    for names in alike.values():
        asked = [found[name].keys() for name in names]
        common = sum(map(len, asked)) - len(set[str]().union(*asked))
        apart = 2 * common > len(asked[-1])
        together += [[name] for name in names] if apart else [names]
    return together


def _answers(names: Sequence[str], found: Mapping[str, _Scores], places: Mapping[str, int]) -> Answers:
    scores: _Scores = defaultdict(list)
    for name in names:
        for text, values in found[name].items():
            scores[text] += values
    ordered = sorted(scores, key=places.__getitem__)
    means = np.array([np.mean(scores[text], axis=0) for text in ordered])
    at = np.array([places[text] for text in ordered], np.intp)
    return Answers(names[0], tuple(names[1:]), at, means[:, 0], means[:, 1])
