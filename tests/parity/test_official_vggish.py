"""Our VGGish against torchvggish 0.2's own code, on seeded weights in its layout."""

from pathlib import Path

import numpy as np
import pytest
from recorded_clips import recorded_clips
from seeded_checkpoints.panns import seeded_sounds
from seeded_checkpoints.vggish import files_of, write_vggish_checkpoint

from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

WRAPPER = Path(__file__).parent / "wrappers" / "vggish.py"
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vggish")
    write_vggish_checkpoint(folder / "vggish.pth", 5)
    files = files_of(folder / "vggish.pth")
    convert_file("vggish", files, folder / "vggish.safetensors")
    return files[0], folder / "vggish.safetensors"


@pytest.fixture
def clips(recordings):
    """Return synthetic and real clips of several lengths, the shortest of one example."""
    made = {f"made_{length}": seeded_sounds(length, 1, length, RATE_HZ)[0] for length in (15_600, 30_959, 48_000)}
    recorded = recorded_clips(recordings, 6, RATE_HZ, 48_000)
    quiet = recorded_clips(recordings, 1, RATE_HZ, 80_000) * np.float32(0.01)
    return made | {f"recorded_{index}": clip for index, clip in enumerate(recorded)} | {"quiet": quiet[0]}


@pytest.mark.parametrize("postprocess", [False, True])
@pytest.mark.parametrize("final_relu", [True, False])
def test_every_example_is_torchvggishs(final_relu, postprocess, weights, clips, run_official):
    original, converted = weights
    options = {"final_relu": final_relu, "postprocess": postprocess}
    published = run_official("torch_packages", WRAPPER, original, clips, options | {"pca": files_of(original)[1].name})
    adapter = load_adapter({"adapter": "vggish", "options": options}, converted, "cpu", "float32")
    for name, clip in clips.items():
        found, expected = adapter.embed(clip[None]), published[name]
        assert found.shape == expected.shape == (1, 1 + (len(clip) - 15_600) // 15_360, 128)
        error = np.abs(found - expected).max() / np.abs(expected).max()
        print(f"{name}: relative error {error:.2g}")
        if postprocess:
            # whole numbers: a value between two of them may fall to either side
            assert np.abs(found - expected).max() <= 1
            assert np.mean(found != expected) <= 0.01
        else:
            assert error <= 1e-4
