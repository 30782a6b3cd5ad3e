"""Our PANNs against panns-inference 0.1.1's own code, on seeded weights in its layout.

The package has no MobileNetV1; tests/unit/test_panns.py holds ours against the published layout written out plainly.
"""

import numpy as np
import pytest
from recorded_clips import recorded_clips
from seeded_checkpoints.panns import seeded_sounds, write_panns_checkpoint

from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

OFFICIAL = "embedshift.models.official_panns"
WHOLE = {"network": "Cnn14", "window_s": "clip", "hop_s": "window"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panns")
    write_panns_checkpoint(folder / "Cnn14.pth", 5, "Cnn14")
    convert_file("panns_Cnn14", folder / "Cnn14.pth", folder / "panns_Cnn14.safetensors")
    return folder / "Cnn14.pth", folder / "panns_Cnn14.safetensors"


@pytest.fixture
def clips(recordings):
    """Return synthetic and real clips of several lengths, the shortest that the network takes among them."""
    made = {f"made_{length}": seeded_sounds(length, 1, length)[0] for length in (9920, 32_000, 50_001)}
    recorded = recorded_clips(recordings, 6, 32_000, 96_000)
    quiet = recorded_clips(recordings, 1, 32_000, 160_123) * np.float32(0.01)
    return made | {f"recorded_{index}": clip for index, clip in enumerate(recorded)} | {"quiet": quiet[0]}


@pytest.mark.parametrize("layer", ["embedding", "clip_tags"])
def test_cnn14_is_panns_inferences(layer, weights, clips, run_official):
    original, converted = weights
    options = WHOLE | {"layer": layer}
    published = run_official("torch_packages", OFFICIAL, original, clips, options)
    adapter = load_adapter({"adapter": "panns", "options": options}, converted, "cpu", "float32")
    for name, clip in clips.items():
        found, expected = adapter.embed(clip[None]), published[name]
        assert found.shape == expected.shape == (1, 1, adapter.dim)
        error = np.abs(found - expected).max() / np.abs(expected).max()
        print(f"{name}: relative error {error:.2g}")
        assert error <= 1e-5
