"""BERT and RoBERTa, the text networks of LAION-CLAP and of MS-CLAP 2022, under their published names.

Devlin et al., NAACL 2019; Liu et al., RoBERTa, 2019 (arXiv:1907.11692). Twelve layers of attention and perceptron,
each added to what came in and normalised afterwards. RoBERTa numbers its tokens from two on and skips padding.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class BertSize:
    """Sizes of a network, and where its tokens' numbering starts."""

    vocabulary: int
    positions: int
    token_types: int
    first_position: int
    epsilon: float
    width: int = 768
    layers: int = 12
    heads: int = 12
    inner_width: int = 3072


ROBERTA_BASE = BertSize(vocabulary=50_265, positions=514, token_types=1, first_position=2, epsilon=1e-5)
BERT_BASE = BertSize(vocabulary=30_522, positions=512, token_types=2, first_position=0, epsilon=1e-12)


def empty_table(rows: int, width: int) -> nn.Embedding:
    """Return an embedding that waits for its weights; filled at random on `meta`, it would import torch's compiler."""
    return nn.Embedding.from_pretrained(torch.empty(rows, width))


class Embeddings(nn.Module):
    """Sum of the embeddings of token, position and the only token type in use, normalised."""

    def __init__(self, size: BertSize) -> None:
        super().__init__()
        self.first_position = size.first_position
        self.word_embeddings = empty_table(size.vocabulary, size.width)
        self.position_embeddings = empty_table(size.positions, size.width)
        self.token_type_embeddings = empty_table(size.token_types, size.width)
        self.LayerNorm = nn.LayerNorm(size.width, eps=size.epsilon)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return `(texts, tokens, width)`; padding, which nothing attends to, stands at the end."""
        places = torch.arange(self.first_position, self.first_position + tokens.shape[1], device=tokens.device)
        total = self.word_embeddings(tokens) + self.position_embeddings(places) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(total)


class SelfAttention(nn.Module):
    """Attention of the tokens of a text to each other."""

    def __init__(self, size: BertSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.query, self.key, self.value = (nn.Linear(size.width, size.width) for _ in range(3))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return `(texts, tokens, width)`; `mask (texts, 1, 1, tokens)` is false for padding."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return attended.transpose(1, 2).flatten(2)


class Addition(nn.Module):
    """A linear layer whose output is added to the residual stream, and the normalisation after it."""

    def __init__(self, width_in: int, size: BertSize) -> None:
        super().__init__()
        self.dense = nn.Linear(width_in, size.width)
        self.LayerNorm = nn.LayerNorm(size.width, eps=size.epsilon)

    def forward(self, hidden: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Return `(texts, tokens, width)`."""
        return self.LayerNorm(self.dense(hidden) + residual)


class Layer(nn.Module):
    """Attention, then perceptron."""

    def __init__(self, size: BertSize) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(size), "output": Addition(size.width, size)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(size.width, size.inner_width)})
        self.output = Addition(size.inner_width, size)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return `(texts, tokens, width)`."""
        tokens = self.attention["output"](self.attention["self"](tokens, mask), tokens)
        return self.output(functional.gelu(self.intermediate["dense"](tokens)), tokens)


class Bert(nn.Module):
    """From tokens and their mask `(texts, tokens)` to hidden states `(texts, tokens, width)`."""

    def __init__(self, size: BertSize) -> None:
        super().__init__()
        self.embeddings = Embeddings(size)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(size) for _ in range(size.layers))})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(size.width, size.width)})

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the last layer's states; `mask` is true for tokens and false for padding after them."""
        hidden = self.embeddings(tokens)
        for layer in self.encoder["layer"]:
            hidden = layer(hidden, mask[:, None, None, :])
        return hidden

    def pooled(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return `(texts, width)`: the first token's state through the pooling layer."""
        return torch.tanh(self.pooler["dense"](hidden[:, 0]))
