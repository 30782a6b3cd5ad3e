"""diffusers' AutoencoderOobleck in its own way: `from_pretrained`, `encode`, and the Gaussian's mode, its mean.

The seeded encoder is put into a model with a narrow decoder, which diffusers then saves in `save_to` as it publishes
models: that folder is what both sides read.
"""

import numpy as np
import torch


class Official:
    def __init__(self, weights, save_to):
        from diffusers import AutoencoderOobleck
        from safetensors.torch import load_file

        torch.manual_seed(1)
        model = AutoencoderOobleck(decoder_channels=16)
        left = model.load_state_dict(load_file(weights), strict=False)
        if left.unexpected_keys or any(not name.startswith("decoder.") for name in left.missing_keys):
            raise ValueError(f"not diffusers' layout: {left}")
        model.save_pretrained(save_to)
        self.model = AutoencoderOobleck.from_pretrained(save_to).eval()

    @torch.no_grad()
    def embed(self, batch):
        """Return (1, frames, 64) of float32 (1, samples), mono in both channels, zeros up to a whole frame."""
        padded = np.pad(batch, ((0, 0), (0, -batch.shape[1] % 2048)))
        signal = torch.from_numpy(padded)[:, None].expand(-1, 2, -1)
        mean = self.model.encode(signal).latent_dist.mode()
        return np.ascontiguousarray(mean.transpose(1, 2).numpy())


def load(weights, options, device, precision):
    return Official(weights, options["save_to"])
