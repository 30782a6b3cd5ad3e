"""The package descript-audio-codec 1.0.0 in its own way: `DAC.preprocess` and `DAC.encode`.

It imports descript-audiotools, whose many pins clash with everything; the networks use nothing of it but the name of a
base class, so stand-ins take its place.
"""

import sys
import types

import numpy as np
import torch

RATES = {"16khz": (16_000, [2, 4, 5, 8], 12), "24khz": (24_000, [2, 4, 5, 8], 32), "44khz": (44_100, [2, 4, 8, 8], 9)}


class BaseModel(torch.nn.Module):
    """Stands in for audiotools.ml.BaseModel."""

    INTERN: list = []
    EXTERN: list = []


class StandIn(types.ModuleType):
    """A module in which every name is there, and none is anything."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def stand_in_for_audiotools():
    names = ("audiotools", "audiotools.core", "audiotools.core.util", "audiotools.ml", "argbind")
    modules = {name: StandIn(name) for name in names}
    modules["audiotools.ml"].BaseModel = BaseModel
    for name in names[1:4]:
        parent, _, child = name.rpartition(".")
        setattr(modules[parent], child, modules[name])
    modules["argbind"].bind = lambda *args, **more: args[0] if args and callable(args[0]) else lambda function: function
    sys.modules.update(modules)


class Official:
    """`weights` holds encoder and quantiser of an official checkpoint (.pth), `layer` what is handed out."""

    def __init__(self, weights, model, layer):
        stand_in_for_audiotools()
        from dac.model.dac import DAC

        rate_hz, strides, codebooks = RATES[model]
        self.model = DAC(encoder_rates=strides, decoder_rates=strides[::-1], decoder_dim=16, n_codebooks=codebooks,
                         sample_rate=rate_hz).eval()  # fmt: skip
        state = torch.load(weights, weights_only=True)["state_dict"]
        for part in ("encoder", "quantizer"):
            of_part = {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(part)}
            getattr(self.model, part).load_state_dict(of_part)
        self.layer = layer

    @torch.no_grad()
    def embed(self, batch):
        """Return (1, frames, dim) of float32 (1, samples)."""
        signal = self.model.preprocess(torch.from_numpy(batch)[:, None], self.model.sample_rate)
        if self.layer == "latents":
            found = self.model.encoder(signal)
        else:
            quantised, _codes, projected, *_losses = self.model.encode(signal)
            found = quantised if self.layer == "quantised" else projected
        return np.ascontiguousarray(found.transpose(1, 2).numpy())


def load(weights, options, device, precision):
    return Official(weights, options["model"], options["layer"])
