"""MS-CLAP (Elizalde et al.), versions 2023 and 2022: the audio tower, equal to msclap's, without that package.

A window is 7 s (2023) or 5 s (2022) at 44.1 kHz. As published, a shorter clip is repeated and cut to that. A longer
clip, which the package crops at random, is cut into windows; the channels, which the package puts one behind the
other, are averaged. The mel filters are the checkpoint's own: those of 2023 were made for 32 kHz and are applied, as
published, to 44.1 kHz. Embeddings are not scaled to norm one, as published.
"""

from pathlib import Path

import torch

from embedshift.models.clap_audio import ClapAdapter
from embedshift.models.clap_htsat import Htsat
from embedshift.models.clap_weights import fill
from embedshift.models.msclap_network import CONSTANTS, DIM, FILTERS, AudioTower, default_filters, published_shapes
from embedshift.models.panns_networks import FoldedNetwork
from embedshift.models.strict_state import read_strictly

SAMPLE_RATE_HZ = 44_100
WINDOW_S = {"2023": 7, "2022": 5}
PREFIX = "audio_encoder."


class MsClapAdapter(ClapAdapter):
    """One version; a frame is a window."""

    def __init__(self, network: AudioTower, version: str, device: str) -> None:
        window_s = WINDOW_S[version]
        super().__init__(network, SAMPLE_RATE_HZ, window_s * SAMPLE_RATE_HZ, DIM, device)
        self.length_rule = (
            f"windows of {window_s} s side by side, the last one moved back to end with the clip; shorter clips are "
            f"repeated and cut to {window_s} s, as published"
        )


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> MsClapAdapter:
    """Return the adapter of `options` version with its `weights` (safetensors), text tower unread, on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the version's networks.
    """
    version = options["version"]
    with torch.device("meta"):
        network = AudioTower(version)
    tensors = _read_tower(weights, version)
    network = fill(network, {name: tensors[name] for name in network.state_dict()}, device)
    rounded = _prepare_htsat(network) if version == "2023" else _fold_cnn14(network, tensors, device)
    if precision == "bfloat16":
        rounded.round_to_bfloat16()
    return MsClapAdapter(network, version, device)


def _read_tower(weights: Path | None, version: str) -> dict[str, torch.Tensor]:
    """Return the tensors of the audio tower, its mel filters among them, without their common prefix."""
    filters, _ = FILTERS[version]
    tensors = read_strictly(
        weights,
        published_shapes(version),
        wanted=lambda name: name.startswith(PREFIX),
        constants=CONSTANTS,
        optional=(filters,),
    )
    if filters not in tensors:
        tensors[filters] = default_filters(version)
    return {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}


def _prepare_htsat(tower: AudioTower) -> Htsat:
    tower.network.prepare()
    return tower.network


def _fold_cnn14(tower: AudioTower, tensors: dict[str, torch.Tensor], device: str) -> FoldedNetwork:
    published = {name.removeprefix("base."): tensor for name, tensor in tensors.items()}
    tower.network.folded = FoldedNetwork("Cnn14", "embedding", published).eval().to(device)
    tower.network.logmel_extractor.prepare()
    return tower.network.folded
