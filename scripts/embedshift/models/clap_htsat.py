"""HTS-AT, the audio network of both CLAPs: a Swin transformer over a folded log mel spectrogram.

Chen et al., HTS-AT: A Hierarchical Token-Semantic Audio Transformer, ICASSP 2022; the attention within shifted windows
is that of Liu et al., Swin Transformer, ICCV 2021. The spectrogram (64 bands) is stretched to 1024 frames, cut into
four quarters that are laid one below the other (256 x 256), and split into patches of 4 x 4: 64 x 64 tokens. Four
stages attend within windows of 8 x 8 tokens, every second time moved by half a window, and merge 2 x 2 tokens between
stages. The embedding is the mean of the last stage's 64 tokens.

Modules bear their published names, so that a published checkpoint fits as it is. Between layers the tokens of a stage
stand window by window, not row by row: then only the moved windows, and the merging, put them into another order.

The residual stream, its normalisation and the front end are float32 always; with `round_to_bfloat16` the matrix
products and the attention between them are bfloat16.
"""

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.clap_log_mel import N_MELS, LogMel

FRAMES = 1024
QUARTERS = 4
PATCH = 4
WINDOW = 8
SHIFT = WINDOW // 2
STAGES = 4
SIDES = (64, 32, 16, 8)
"""Tokens along each axis, stage by stage."""
HEADS = (4, 8, 16, 32)
MLP_RATIO = 4
CLASSES = 527
BETWEEN_REGIONS = -100.0
"""Added to the attention between tokens that only the cyclic shift has made neighbours, as published."""


class WindowAttention(nn.Module):
    """Attention of the 64 tokens of a window to each other, with a bias by their relative position."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("bias", None, persistent=False)

    def prepare(self, regions: torch.Tensor | None) -> None:
        """Make the additive mask `(1 or windows of a clip, heads, 64, 64)` of the position bias and the `regions`."""
        table = self.relative_position_bias_table
        bias = table[_relative_positions().to(table.device)].permute(2, 0, 1)[None]
        if regions is not None:
            apart = regions[:, :, None] != regions[:, None, :]
            bias = bias + BETWEEN_REGIONS * apart[:, None].to(bias)
        self.bias = bias.detach().contiguous()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the shape `(clips, tokens, width)` given; each 64 of a clip in a row are a window."""
        clips, length, width = tokens.shape
        products = self.qkv(tokens).view(-1, WINDOW**2, 3, self.heads, width // self.heads)
        query, key, value = products.permute(2, 0, 3, 1, 4)
        bias = self.bias if len(self.bias) == 1 else self.bias.repeat(clips, 1, 1, 1)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.proj(attended.transpose(1, 2).reshape(clips, length, width))


class Perceptron(nn.Module):
    """Two layers, applied to each token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the shape given."""
        return self.fc2(functional.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """Attention and perceptron, each after a normalisation and added to what came in."""

    def __init__(self, width: int, heads: int, side: int, shift: int) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)
        self.register_buffer("there", None, persistent=False)
        self.register_buffer("back", None, persistent=False)

    def prepare(self) -> None:
        """Make the orders of the moved windows and the attention's mask."""
        device = self.norm1.weight.device
        if not self.shift:
            self.attn.prepare(None)
            return
        moved = _window_order(self.side, self.shift)
        self.there = torch.argsort(_window_order(self.side, 0))[moved].to(device)
        self.back = torch.argsort(self.there)
        self.attn.prepare(_regions(self.side, self.shift).flatten()[moved].view(-1, WINDOW**2).to(device))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return float32 tokens of the shape given."""
        normal = _as_weights(self.norm1(tokens), self.attn.qkv)
        if self.shift:
            attended = self.attn(normal.index_select(1, self.there)).index_select(1, self.back)
        else:
            attended = self.attn(normal)
        tokens = tokens + attended
        return tokens + self.mlp(_as_weights(self.norm2(tokens), self.mlp.fc1))


class Merging(nn.Module):
    """From 2 x 2 tokens to one of twice the width."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)
        self.register_buffer("order", None, persistent=False)

    def prepare(self) -> None:
        """Make the order in which the tokens of a square stand together: downwards first, then to the right."""
        places = torch.argsort(_window_order(self.side, 0)).view(self.side // 2, 2, self.side // 2, 2)
        squares = places.permute(0, 2, 3, 1).reshape(-1, 4)
        self.order = squares[_window_order(self.side // 2, 0)].flatten().to(self.norm.weight.device)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return `(clips, tokens / 4, 2 width)` of `tokens (clips, tokens, width)`."""
        squares = tokens.index_select(1, self.order).view(len(tokens), -1, 4 * tokens.shape[2])
        return self.reduction(_as_weights(self.norm(squares), self.reduction)).float()


class Stage(nn.Module):
    """Blocks at one resolution, every second one with moved windows, and the merging that ends all stages but one."""

    def __init__(self, width: int, heads: int, side: int, depth: int) -> None:
        super().__init__()
        shifts = [SHIFT if index % 2 and side > WINDOW else 0 for index in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, side, shift) for shift in shifts)
        self.downsample = Merging(width, side) if side > SIDES[-1] else None

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the tokens of the next stage, or of this one where it is the last."""
        for block in self.blocks:
            tokens = block(tokens)
        return self.downsample(tokens) if self.downsample else tokens


class BandNormalisation(nn.Module):
    """Batch normalisation of each mel band by its stored statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.empty(N_MELS)) for _ in range(2))
        self.register_buffer("running_mean", torch.empty(N_MELS))
        self.register_buffer("running_var", torch.empty(N_MELS))

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        """Return decibels `(windows, 64, frames)` normalised."""
        return functional.batch_norm(bands, self.running_mean, self.running_var, self.weight, self.bias)


class PatchEmbed(nn.Module):
    """From the folded spectrogram to normalised tokens, row by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, PATCH, stride=PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return `(clips, 4096, width)` of `image (clips, 1, 256, 256)`."""
        return self.norm(self.proj(image).flatten(2).transpose(1, 2))


class Htsat(nn.Module):
    """From samples `(windows, n)` to latents `(windows, 8 width)` float32; 1024 mel frames at most.

    `width` and `depths` are 96 and (2, 2, 6, 2) in the tiny network, 128 and (2, 2, 12, 2) in the base one.
    """

    def __init__(self, width: int, depths: tuple[int, ...], hop: int) -> None:
        super().__init__()
        self.dim = width * 2 ** (STAGES - 1)
        self.logmel_extractor = LogMel(hop)
        self.bn0 = BandNormalisation()
        self.patch_embed = PatchEmbed(width)
        self.layers = nn.ModuleList(
            Stage(width * 2**stage, HEADS[stage], SIDES[stage], depths[stage]) for stage in range(STAGES)
        )
        self.norm = nn.LayerNorm(self.dim)
        self.register_buffer("order", None, persistent=False)

    def unused_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the classifier, which stands in every checkpoint and has no part in embeddings."""
        kernel = (CLASSES, self.dim, N_MELS // (PATCH * WINDOW), 3)
        classifier = {"tscam_conv.weight": kernel, "tscam_conv.bias": (CLASSES,)}
        return classifier | {"head.weight": (CLASSES, CLASSES), "head.bias": (CLASSES,)}

    def prepare(self) -> None:
        """Make what follows from the weights; needed once, after they are loaded."""
        for module in self.modules():
            if isinstance(module, LogMel | Block | Merging):
                module.prepare()
        self.order = _window_order(SIDES[0], 0).to(self.norm.weight.device)

    def round_to_bfloat16(self) -> None:
        """Compute the products of the blocks and the merging in bfloat16 from now on."""
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                module.bfloat16()
            if isinstance(module, WindowAttention):
                module.bias = module.bias.bfloat16()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the latents, means over the last stage's tokens."""
        tokens = self.patch_embed(self.image(samples)).index_select(1, self.order)
        for stage in self.layers:
            tokens = stage(tokens)
        return self.norm(tokens).mean(dim=1)

    def image(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the normalised spectrogram, stretched and folded, `(windows, 1, 256, 256)`."""
        bands = self.bn0(self.logmel_extractor(samples))[:, None]
        if bands.shape[3] < FRAMES:
            bands = functional.interpolate(bands, (N_MELS, FRAMES), mode="bicubic", align_corners=True)
        quarters = bands.view(len(bands), N_MELS, QUARTERS, FRAMES // QUARTERS).transpose(1, 2)
        return quarters.reshape(len(bands), 1, QUARTERS * N_MELS, FRAMES // QUARTERS)


def _as_weights(tokens: torch.Tensor, layer: nn.Linear) -> torch.Tensor:
    """Return `tokens` in the precision of the layer that takes them."""
    return tokens.to(layer.weight.dtype)


def _relative_positions() -> torch.Tensor:
    """Return, for tokens i and j of a window, the row of the bias table `(64, 64)` of their distance."""
    places = torch.cartesian_prod(torch.arange(WINDOW), torch.arange(WINDOW))
    distances = places[:, None] - places[None, :] + WINDOW - 1
    return distances[..., 0] * (2 * WINDOW - 1) + distances[..., 1]


def _window_order(side: int, shift: int) -> torch.Tensor:
    """Return the row-by-row places of `side * side` tokens, window by window, the grid moved cyclically by `shift`."""
    grid = torch.arange(side * side).view(side, side).roll((-shift, -shift), (0, 1))
    per_axis = side // WINDOW
    return grid.view(per_axis, WINDOW, per_axis, WINDOW).transpose(1, 2).flatten()


def _regions(side: int, shift: int) -> torch.Tensor:
    """Return a number for each place `(side, side)`: places of one window attend to each other where it is the same.

    Moved windows at the border hold tokens from both ends of the grid, which are no neighbours.
    """
    place = torch.arange(side)
    strip = (place >= shift).long()
    return 2 * strip[:, None] + strip[None, :]
