"""The diffusion autoencoder's Lightning checkpoint with seeded weights, of the layout of the class DiffusionDVAE.

The layout is read from the published source (zqevans/audio-diffusion, autoencoders/soundstream.py, SoundStreamXLEncoder
with the values in drscotthawley/audio-algebra, DiffusionDVAE.py: capacity 32, multiples 2, 4, 8, 16, 32, strides 4, 4,
2, 2, 2, latent 64, two channels in). Encoder and averaged encoder differ, as in a checkpoint during training; of the
diffusion decoder, left out when the file is converted, one layer of each copy is there.
"""

import torch
from seeded_checkpoints.seeded_convolutions import fill

GAINS = {r"layers\.2\.weight": 0.5, r"layers\.12\.weight": 0.3}
WIDTHS = (32, 64, 128, 256, 512, 1024)
STRIDES = (4, 4, 2, 2, 2)
UNITS = 6


def encoder_shapes():
    """Return {name: shape} of one copy of the encoder: every second layer is an ELU without weights."""
    shapes = convolution("layers.0", 2, WIDTHS[0], 7)
    for index, (narrow, wide, stride) in enumerate(zip(WIDTHS[:-1], WIDTHS[1:], STRIDES, strict=True)):
        block = f"layers.{2 * index + 2}.layers"
        for unit in range(UNITS):
            shapes |= convolution(f"{block}.{2 * unit}.layers.0", narrow, narrow, 7)
            shapes |= convolution(f"{block}.{2 * unit}.layers.2", narrow, narrow, 1)
        shapes |= convolution(f"{block}.{2 * UNITS}", narrow, wide, 2 * stride)
    return shapes | convolution("layers.12", WIDTHS[-1], 64, 3)


def convolution(name, channels_in, channels_out, kernel):
    return {f"{name}.weight": (channels_out, channels_in, kernel), f"{name}.bias": (channels_out,)}


def write_diffae_checkpoint(path, seed):
    """Write the Lightning checkpoint `path`."""
    shapes = {}
    for copy in ("encoder", "encoder_ema"):
        shapes |= {f"{copy}.{name}": shape for name, shape in encoder_shapes().items()}
    for copy in ("diffusion", "diffusion_ema"):
        shapes |= convolution(f"{copy}.net.0", 2, 16, 3)
    tensors = {name: torch.from_numpy(value) for name, value in fill(shapes, seed, GAINS).items()}
    torch.save({"epoch": 53, "global_step": 200_000, "state_dict": tensors}, path)
    return path
