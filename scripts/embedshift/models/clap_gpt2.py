"""GPT-2, the text network of MS-CLAP 2023, under its published names.

Radford et al., Language Models are Unsupervised Multitask Learners, 2019: twelve layers of attention to the tokens
before and of a perceptron, each normalised beforehand and added to what came in.
"""

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.clap_bert import empty_table

VOCABULARY = 50_257
POSITIONS = 1024
WIDTH = 768
LAYERS = 12
HEADS = 12
EPSILON = 1e-5


class Product(nn.Module):
    """A linear layer whose weights are stored (in, out), the other way round than torch's."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_in, width_out))
        self.bias = nn.Parameter(torch.empty(width_out))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return `(..., out)` of `hidden (..., in)`."""
        return hidden @ self.weight + self.bias


class CausalAttention(nn.Module):
    """Attention of each token to itself and those before."""

    def __init__(self) -> None:
        super().__init__()
        self.c_attn = Product(WIDTH, 3 * WIDTH)
        self.c_proj = Product(WIDTH, WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return `(texts, tokens, width)`."""
        query, key, value = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in self.c_attn(tokens).split(WIDTH, dim=2)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.c_proj(attended.transpose(1, 2).flatten(2))


class Perceptron(nn.Module):
    """Two layers, applied to each token, with the tanh form of GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.c_fc = Product(WIDTH, 4 * WIDTH)
        self.c_proj = Product(4 * WIDTH, WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the shape given."""
        return self.c_proj(functional.gelu(self.c_fc(tokens), approximate="tanh"))


class Layer(nn.Module):
    """Attention, then perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.attn = CausalAttention()
        self.ln_2 = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.mlp = Perceptron()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the shape given."""
        tokens = tokens + self.attn(self.ln_1(tokens))
        return tokens + self.mlp(self.ln_2(tokens))


class Gpt2(nn.Module):
    """From tokens `(texts, tokens)` to hidden states `(texts, tokens, 768)`; no token sees those after it."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = empty_table(VOCABULARY, WIDTH)
        self.wpe = empty_table(POSITIONS, WIDTH)
        self.h = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the normalised states of the last layer."""
        hidden = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for layer in self.h:
            hidden = layer(hidden)
        return self.ln_f(hidden)
