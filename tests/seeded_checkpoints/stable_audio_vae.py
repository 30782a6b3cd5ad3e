"""The VAE of Stable Audio Open with seeded weights, as vae/diffusion_pytorch_model.safetensors is.

The layout is written down from the published configuration (audio_channels 2, encoder_hidden_size 128,
channel_multiples 1, 2, 4, 8, 16, downsampling_ratios 2, 4, 4, 8, 8); tests/parity holds it against diffusers' own
AutoencoderOobleck, which reads the same file. Of the decoder, left out when the file is converted, one layer is there.
"""

from safetensors.numpy import save_file
from seeded_checkpoints.seeded_convolutions import fill

GAINS = {r"res_unit\d\.conv2": 0.3, r"block\.\d\.conv1": 0.5}
WIDTHS = (128, 128, 256, 512, 1024, 2048)
STRIDES = (2, 4, 4, 8, 8)


def encoder_shapes():
    """Return {name: shape} of the encoder's weights."""
    shapes = convolution("encoder.conv1", 2, 128, 7)
    for index, (narrow, wide, stride) in enumerate(zip(WIDTHS[:-1], WIDTHS[1:], STRIDES, strict=True)):
        block = f"encoder.block.{index}"
        for unit in (1, 2, 3):
            shapes |= snake(f"{block}.res_unit{unit}.snake1", narrow)
            shapes |= convolution(f"{block}.res_unit{unit}.conv1", narrow, narrow, 7)
            shapes |= snake(f"{block}.res_unit{unit}.snake2", narrow)
            shapes |= convolution(f"{block}.res_unit{unit}.conv2", narrow, narrow, 1)
        shapes |= snake(f"{block}.snake1", narrow) | convolution(f"{block}.conv1", narrow, wide, 2 * stride)
    return shapes | snake("encoder.snake1", 2048) | convolution("encoder.conv2", 2048, 128, 3)


def convolution(name, channels_in, channels_out, kernel):
    return {
        f"{name}.bias": (channels_out,),
        f"{name}.weight_g": (channels_out, 1, 1),
        f"{name}.weight_v": (channels_out, channels_in, kernel),
    }


def snake(name, channels):
    return {f"{name}.alpha": (1, channels, 1), f"{name}.beta": (1, channels, 1)}


def write_stable_audio_vae_checkpoint(path, seed):
    """Write the safetensors file `path`."""
    decoder = convolution("decoder.conv1", 64, 256, 7)
    tensors = fill(encoder_shapes() | decoder, seed, GAINS)
    for name in tensors:
        if name.endswith(".alpha"):
            tensors[name] -= 1  # logarithms, where the codec has the values themselves
    save_file(tensors, path, metadata={"format": "pt"})
    return path
