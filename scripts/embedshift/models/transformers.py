"""Any audio model of Hugging Face transformers: `transformers:<folder>`, or `transformers:<organisation>/<name>`.

The input is prepared by the model's own feature extractor, on the CPU; `layer` picks the last output or one of the
hidden states (0 is what enters the first layer), `pooling` what becomes of the frames. Arithmetic is float32.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.transformers_layout import Layout, layout_of
from embedshift.models.transformers_model import OWN_CLASS, read_model
from embedshift.models.windows import window_starts

TRIED_SEED = 20220419
TRIED_LEVEL = 0.1


class TransformersAdapter(Adapter):
    """One layer of a network, frame by frame, or its own summary of each window."""

    def __init__(self, layout: Layout, options: dict[str, Any], device: str) -> None:
        super().__init__()
        self._layout, self._device = layout, device
        self._layer, self._pooling = options["layer"], options["pooling"]
        self.sample_rate_hz = layout.extractor.sampling_rate
        self.minimum_samples = layout.minimum_samples
        seconds = (layout.window_samples or 0) / self.sample_rate_hz
        self.length_rule = (
            f"windows of {seconds:g} s, the last one ending with the clip, shorter clips as its extractor fills them up"
            if layout.window_samples
            else f"any length from {self.minimum_samples} samples, shorter clips are repeated"
        )

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, frames, dim)`, window after window; with pooling: pooler, one frame a window."""
        length = self._layout.window_samples or batch.shape[1]
        starts = window_starts(batch.shape[1], length)
        return np.concatenate([self._embed_window(batch[:, start : start + length]) for start in starts], axis=1)

    def pool(self, frames: np.ndarray) -> np.ndarray:
        """Return the mean over frames, or with pooling: max the largest value of each dimension."""
        return frames.max(axis=0) if self._pooling == "max" else super().pool(frames)

    @torch.inference_mode()
    def prove(self) -> None:
        """Try the model on noise: set `dim` and the distance of frames, and refuse what cannot be done with it.

        Raises
        ------
        UserError
            If it does not run on what its feature extractor makes, or has no such layer.
        """
        rng = np.random.default_rng(TRIED_SEED)
        noise = (TRIED_LEVEL * rng.standard_normal((1, 2 * self.sample_rate_hz))).astype(np.float32)
        second = noise[:, : self.sample_rate_hz]
        self._require_layer(second)
        shorter, longer = self.embed_checked(second), self.embed_checked(noise)
        self.dim = self.frame_dim = shorter.shape[2]
        self.frame_hop_s = None if self._pooling == "pooler" else self._hop_s(shorter.shape[1], longer.shape[1])

    def _hop_s(self, frames_of_one: int, frames_of_two: int) -> float | None:
        """Return the distance of frames from the number of frames in clips of one and of two seconds."""
        if self._layout.frame_hop_s:
            return self._layout.frame_hop_s
        if self._layout.window_samples:
            return self._layout.window_samples / self.sample_rate_hz / frames_of_one
        return 1.0 / (frames_of_two - frames_of_one) if frames_of_two > frames_of_one else None

    def _embed_window(self, clips: np.ndarray) -> np.ndarray:
        output = self._layout.run(self._features_of(clips), every_layer=self._layer != "last")
        hidden = output.last_hidden_state if self._layer == "last" else output.hidden_states[self._layer]
        if self._pooling == "pooler":
            return self._layout.summary(output, hidden)[:, np.newaxis].cpu().numpy()
        return self._layout.frames(hidden, clips.shape[1]).cpu().numpy()

    def _features_of(self, clips: np.ndarray) -> dict[str, torch.Tensor]:
        made = self._layout.extractor(list(clips), sampling_rate=self.sample_rate_hz, return_tensors="pt")
        return {
            name: (value.float() if value.is_floating_point() else value).to(self._device)
            for name, value in made.items()
        }

    def _require_layer(self, noise: np.ndarray) -> None:
        every_layer, name = self._layer != "last", type(self._layout.network).__name__
        if every_layer and not self._layout.hidden_layers:
            raise UserError(f"options.layer: found {self._layer}; allowed for {name}: last.")
        try:
            output = self._layout.run(self._features_of(noise), every_layer)
            shape, layers = tuple(output.last_hidden_state.shape), len(output.hidden_states or ())
        except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
            told = f"{type(error).__name__}: {error}"
            raise UserError(f"{name} cannot be run on audio alone ({told}). {OWN_CLASS}") from error
        if every_layer and not -layers <= self._layer < layers:
            raise UserError(f"options.layer: found {self._layer}; allowed: last, or a whole number from {-layers} to "
                            f"{layers - 1} (0 is what enters the first layer).")  # fmt: skip
        if len(shape) != self._layout.dimensions:
            raise UserError(f"{name} gives an output of shape {shape}, expected frames in time. {OWN_CLASS}")


def load(weights_path: Path | None, options: dict[str, Any], device: str, precision: str) -> TransformersAdapter:
    """Return the adapter of the model in `weights_path`, with `options` layer and pooling, on `device`.

    Raises
    ------
    UserError
        If the weights are not there or not complete, the model is none for audio, or has no such layer or pooler.
    """
    adapter = TransformersAdapter(layout_of(read_model(weights_path, device)), options, device)
    adapter.prove()
    return adapter
