"""An opened artefact: rows of token ids in, the graph's outputs out, on onnxruntime and tokenizers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.manifest import MEND, Kind, check_files, read_manifest
from bestroute.artefacts.watchdog import WATCHDOG
from bestroute.artefacts.words import Encode, WordMemo
from bestroute.errors import ArtefactError, PredictorError, PredictorOverrun
from bestroute.text import clean

BATCH_TOKENS = 256


class Session:
    """An opened artefact: token ids in, the graph's outputs out.

    One intra-op thread by default: a router is a guest in its host's process, and a batch row's result does
    not depend on its neighbours: activations are quantised row by row or by ranges fixed in training, and a
    graph without `attention_mask` gets rows of one length alone. `encode` gives the ids of a text.
    """

    def __init__(self, folder: Path, kind: Kind, threads: int = 1) -> None:
        self.folder = folder
        self._threads = threads
        self.manifest = read_manifest(folder, kind)
        check_files(folder, self.manifest)
        self.tokenizer = _open_tokenizer(folder)
        self.encode = _encoder(self.tokenizer)
        self._session, self._run_options = _open_session(folder, threads)
        self._inputs = tuple(node.name for node in self._session.get_inputs())
        self._outputs = {node.name: tuple(node.shape) for node in self._session.get_outputs()}
        self._names = list(self._outputs)
        self._pads = "attention_mask" in self._inputs
        unknown = set(self._inputs) - {"input_ids", "attention_mask"}
        if unknown or "input_ids" not in self._inputs:
            raise ArtefactError(
                f"{folder / 'model.onnx'}: has inputs {self._inputs}; export it with bestroute"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return Session, (self.folder, self.manifest.kind, self._threads)  # opened again where it arrives

    def check_output(self, name: str, *shape: int) -> None:
        """Refuse a graph whose output `name` is not (batch, *shape)."""
        found = self._outputs.get(name)
        if found is None or found[1:] != shape:
            raise ArtefactError(
                f"{self.folder / 'model.onnx'}: output {name!r} has shape {found}, "
                f"the manifest promises (batch, {', '.join(map(str, shape))}); train the artefact again"
            )

    def run(
        self, rows: Sequence[TokenRow], time_budget_s: float | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Every output for every row, in the order given.

        Rows are sorted by length and padded to the longest of their batch only, or not at all where the graph
        has no mask; a batch holds at most BATCH_TOKENS tokens with its padding, so memory stays bounded.
        Raises PredictorOverrun when `time_budget_s` passes first, PredictorError when the graph fails.
        """
        options = self._run_options()
        options.log_severity_level = 4
        watched = nullcontext() if time_budget_s is None else WATCHDOG.watching(options, time_budget_s)
        with watched:
            if len(rows) == 1:  # as a host asks; nothing to sort, pad or put together
                return dict(zip(self._names, self._run_batch(rows, options), strict=True))
            return self._run_sorted(rows, options)

    def _run_sorted(self, rows: Sequence[TokenRow], options: Any) -> dict[str, NDArray[np.float32]]:
        results: dict[str, NDArray[np.float32]] = {}
        for chosen in batches([len(row.ids) for row in rows], BATCH_TOKENS, self._pads):
            outputs = self._run_batch([rows[index] for index in chosen], options)
            for name, values in zip(self._names, outputs, strict=True):
                store = results.setdefault(name, np.empty((len(rows), *values.shape[1:]), np.float32))
                store[chosen] = values
        return results

    def _run_batch(self, rows: Sequence[TokenRow], options: Any) -> list[NDArray[np.float32]]:
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(self._names, self._feeds(rows), options)
        except Exception as error:  # onnxruntime's own errors share no base class
            if options.terminate:
                raise PredictorOverrun("the time budget passed before the model had answered") from error
            raise PredictorError(f"{self.folder}: the model failed: {error}") from error
        return outputs

    def _feeds(self, rows: Sequence[TokenRow]) -> dict[str, NDArray[np.int64]]:
        """The graph's inputs, padded to the longest row."""
        width = max(len(row.ids) for row in rows)
        ids = np.array([row.ids + [0] * (width - len(row.ids)) for row in rows], np.int64)
        if not self._pads:
            return {"input_ids": ids}
        mask = np.array([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in rows], np.int64)
        return {"input_ids": ids, "attention_mask": mask}


def batches(lengths: Sequence[int], most: int, pads: bool = True) -> Iterator[list[int]]:
    """Indices by rising length, in batches of at most so many tokens with padding; one row at least.

    Unless it `pads`, a batch has one length.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        too_many = (len(batch) + 1) * lengths[index] > most
        if batch and (too_many or not (pads or lengths[index] == lengths[batch[0]])):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@dataclass(frozen=True)
class TokenRow:
    """Token ids of one text."""

    ids: list[int]


def head_and_tail(ids: list[int], limit: int) -> list[int]:
    """At most `limit` ids: the first half and the last half of a list that is longer."""
    if len(ids) <= limit:
        return ids
    head = (limit + 1) // 2
    return ids[:head] + ids[len(ids) - (limit - head) :] if limit > head else ids[:head]


def single_row(ids: list[int], limit: int) -> TokenRow:
    """The row of a text encoded with [CLS] and [SEP]; a long one keeps its head and its tail."""
    kept = [ids[0], *head_and_tail(ids[1:-1], limit - 2), ids[-1]]
    return TokenRow(kept)


def clip_characters(text: str, tokens: int) -> str:
    """Bound the work of tokenizing: the head and tail that could fill `tokens` at 16 characters each.

    A text all in capitals is read in small letters, since an encoder that tells them apart has met few such.
    """
    half = 16 * tokens // 2
    text = clean(text).strip()
    text = text if len(text) <= 2 * half else f"{text[:half]} {text[-half:]}"
    return text.lower() if text.isupper() else text


def _open_tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises bare Exception
        raise ArtefactError(f"{folder / 'tokenizer.json'}: cannot be read ({error}); {MEND}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a text that says "[PAD]" says it, and controls nothing
    return tokenizer


def _encoder(tokenizer: Any) -> Encode:
    """Text to ids: through a memo of words where the tokenizer splits at white space before all else."""

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text).ids
        return ids

    splitter = tokenizer.pre_tokenizer
    kind = type(splitter).__name__
    apart = kind == "BertPreTokenizer" or (
        kind == "Metaspace" and splitter.split and splitter.prepend_scheme == "always"
    )
    return WordMemo(encode) if apart else encode


def _open_session(folder: Path, threads: int) -> tuple[Any, Any]:
    # From 1.29 on onnxruntime reports sessions to its maker, unless this is set before it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), settings, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own errors share no base class
        raise ArtefactError(f"{folder / 'model.onnx'}: cannot be opened ({error}); {MEND}") from error
    return session, onnxruntime.RunOptions
