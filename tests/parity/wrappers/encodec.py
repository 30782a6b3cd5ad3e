"""The package encodec 0.1.1 in its own way: `EncodecModel.encode` with the latents handed out before quantisation."""

import numpy as np
import torch


class Official:
    """`weights` holds the encoder of an official checkpoint (.th)."""

    def __init__(self, weights, model):
        from encodec import EncodecModel

        build = EncodecModel.encodec_model_24khz if model == "24khz" else EncodecModel.encodec_model_48khz
        self.model = build(pretrained=False).eval()
        state = torch.load(weights, weights_only=True)
        self.model.encoder.load_state_dict({name.removeprefix("encoder."): value for name, value in state.items()})
        self.model.quantizer.encode = lambda latents, frame_rate, bandwidth: latents.transpose(0, 1)

    @torch.no_grad()
    def embed(self, batch):
        """Return (1, frames, 128) of float32 (1, samples): mono, in both channels where there are two."""
        signal = torch.from_numpy(batch)[:, None].expand(-1, self.model.channels, -1)
        latents = torch.cat([latents for latents, _scale in self.model.encode(signal)], dim=2)
        return np.ascontiguousarray(latents.transpose(1, 2).numpy())


def load(weights, options, device, precision):
    return Official(weights, options["model"])
