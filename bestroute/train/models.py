"""The two networks, with everything that serving needs inside the graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bestroute.quality import expected_max_normal
from bestroute.train.encoder import TextEncoder


class RouterNet(nn.Module):
    """Predicts quality and match of every (class, n) and the output tokens of every class.

    Both curves are sigmoid(a + b h(n)) with b = softplus(...) >= 0 and h(n) the expected maximum of n
    standard normals, so they never fall as n grows, whatever the weights: the best of n draws from a normal
    with mean a and deviation b, squashed to 0..1.
    """

    def __init__(self, classes: int, max_n: int) -> None:
        super().__init__()
        self.encoder = TextEncoder()
        self.dropout = nn.Dropout(0.1)
        self.heads = nn.Linear(self.encoder.width, 5 * classes)
        self.classes = classes
        self.gain: Tensor
        self.register_buffer("gain", torch.tensor(expected_max_normal(max_n), dtype=torch.float32))

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of quality and match, (batch, classes, n), and log output tokens, (batch, classes)."""
        pooled = self.dropout(self.encoder(input_ids, attention_mask)).float()
        heads = self.heads(pooled).view(-1, 5, self.classes, 1)
        spread = nn.functional.softplus(heads[:, 2:4] - 1.0)
        curves = heads[:, 0:2] + spread * self.gain
        return curves[:, 0], curves[:, 1], heads[:, 4, :, 0] + 5.0

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The graph that is exported: quality, match, output_tokens."""
        quality, match, tokens = self.logits(input_ids, attention_mask)
        return torch.sigmoid(quality), torch.sigmoid(match), torch.exp(tokens)


class RewardNet(nn.Module):
    """Scores a (query, response) pair with the probability that the response is right or preferred."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = TextEncoder()
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(self.encoder.width, 1)

    def logits(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Log odds, shape (batch,)."""
        pooled = self.dropout(self.encoder(input_ids, attention_mask, token_type_ids)).float()
        score: Tensor = self.head(pooled)[:, 0]
        return score

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """The graph that is exported: reward."""
        return torch.sigmoid(self.logits(input_ids, attention_mask, token_type_ids))
