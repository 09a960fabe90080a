"""The artifact oracle: a reward model's reward as the score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.records.record import Record, Response
from bestroute.records.score.oracle import query_of, text_of


class ArtifactOracle:
    """The reward model of an artefact folder. Raises ArtefactError for a folder that holds none."""

    paid = False

    def __init__(self, folder: Path) -> None:
        self._model = OnnxRewardModel(folder)

    def score(self, record: Record, model: str, responses: Sequence[Response]) -> list[float]:
        """The rewards of the responses."""
        texts = [text_of(response) for response in responses]
        rewards: list[float] = self._model.rewards(query_of(record).text, texts).tolist()
        return rewards

    def close(self) -> None:
        """Nothing to let go of."""
