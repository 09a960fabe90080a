"""Cheap facts about a response to a query, which stand beside what the encoder reads of it.

form     how it looks: length, lists, code, scripts, words
sums     its numbers: whether sums are right, and whether the last number comes out of them
options  where the query gives options: which it chooses, and whether what it says goes with that

Each is a count or a share that a reader would look at; what they are worth is learnt, not said here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.facts import form, options, sums
from bestroute.artefacts.facts.form import Form
from bestroute.artefacts.facts.options import Options

FACTS = (*form.NAMES, *sums.NAMES, *options.NAMES)
_READ = 6000  # characters of a text that are looked at: the head and the tail


def facts_of(query: str, responses: Sequence[str]) -> NDArray[np.float32]:
    """The facts of each response, shape (responses, len(FACTS)); counts as log(1 + count)."""
    asked = _clip(query)
    looks, numbers, given = Form(asked), set(sums.numbers_of(asked)), Options(asked)
    rows = []
    for response in responses:
        text = _clip(response)
        rows.append([*looks.facts(text, len(response)), *sums.facts(text, numbers), *given.facts(text)])
    return np.array(rows, np.float32).reshape(len(responses), len(FACTS))


def _clip(text: str) -> str:
    return text if len(text) <= _READ else f"{text[: _READ // 2]}\n{text[-_READ // 2 :]}"
