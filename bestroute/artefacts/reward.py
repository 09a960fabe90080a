"""RewardModel: how good is each response to a query? The proxy that keeps the best of n."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import MEND, Manifest
from bestroute.artefacts.session import Session, TokenRow, clip_characters, head_and_tail
from bestroute.errors import ArtefactError
from bestroute.text import clean, says_nothing


@runtime_checkable
class RewardModel(Protocol):
    """Anything that scores responses."""

    def rewards(self, query: str, responses: Sequence[str]) -> NDArray[np.float32]:
        """One reward for each response, shape (responses,), 0 to 1; higher is better."""
        ...


class OnnxRewardModel:
    """The reward model of an artefact folder, on onnxruntime.

    Raises ArtefactError when the folder is missing, damaged, of another kind or shape. Safe to share between
    threads.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._session = Session(folder, "reward", threads)
        self.manifest: Manifest = self._session.manifest
        self._session.check_output("reward")
        if not 3 <= self.manifest.query_tokens <= self.manifest.max_tokens - 3:
            raise ArtefactError(
                f"{folder / 'manifest.json'}: query_tokens is {self.manifest.query_tokens}; a query and a "
                f"response must both have room within max_tokens ({self.manifest.max_tokens}); {MEND}"
            )

    def rewards(self, query: str, responses: Sequence[str]) -> NDArray[np.float32]:
        """One reward for each response, shape (responses,); an empty list gives an empty array."""
        return self.rewards_of_pairs([(query, response) for response in responses])

    def rewards_of_pairs(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """One reward for each (query, response), shape (pairs,); 0 for a response that says nothing."""
        if not pairs:
            return np.empty(0, np.float32)
        rows = pair_rows(self._session.tokenizer, pairs, self.manifest.max_tokens, self.manifest.query_tokens)
        rewards = self._session.run(rows)["reward"]
        rewards[[says_nothing(clean(response)) for _, response in pairs]] = 0.0
        return rewards


def pair_rows(
    tokenizer: Any, pairs: Sequence[tuple[str, str]], max_tokens: int, query_tokens: int
) -> list[TokenRow]:
    """Rows `[CLS] query [SEP] response [SEP]`; each part keeps its head and its tail where it is too long.

    The query may fill `query_tokens` ids, the response the rest of `max_tokens`.
    """

    def ids(text: str) -> list[int]:
        encoded: list[int] = tokenizer.encode(clip_characters(text, max_tokens)).ids
        return encoded

    rows, heads = [], {query: ids(query) for query in {query for query, _ in pairs}}
    for query, response in pairs:
        start, *asked, end = heads[query]
        head = [start, *head_and_tail(asked, query_tokens - 2), end]
        body = head_and_tail(ids(response)[1:-1], max_tokens - len(head) - 1)
        rows.append(TokenRow([*head, *body, end], len(head)))
    return rows
