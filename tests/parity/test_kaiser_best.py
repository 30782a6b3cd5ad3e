"""kaiser_best against resampy 0.2.2 itself, the version that the published OpenL3 embeddings went through."""

import json
import subprocess

import numpy as np
import pytest
import soundfile

from embedshift.models.kaiser_best import resample_kaiser_best

RATES_HZ = [(44100, 48000), (22050, 48000), (44100, 32000), (48000, 16000)]
PROGRAM = (
    "import json, sys, numpy as np, resampy\n"
    "clips = np.load(sys.argv[1])\n"
    "pairs = json.loads(sys.argv[3])\n"
    "print(resampy.__version__)\n"
    "np.savez(sys.argv[2], **{f'{name} {a} {b}': resampy.resample(clips[name], a, b, filter='kaiser_best')\n"
    "                         for name in clips for a, b in pairs})\n"
)


@pytest.fixture(scope="module")
def clips(real_recordings):
    rng = np.random.default_rng(20220419)
    recording, _ = soundfile.read(real_recordings / "irmas/IRMAS-TrainingData/cla/[cla][cla]0189__2.wav")
    return {"noise": rng.uniform(-1, 1, 60001), "recording": recording.mean(axis=1)}


@pytest.fixture(scope="module")
def published(official, clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("resampy")
    np.savez(folder / "in.npz", **clips)
    command = [official("openl3"), "-c", PROGRAM, folder / "in.npz", folder / "out.npz", json.dumps(RATES_HZ)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split()[0] == "0.2.2"
    return np.load(folder / "out.npz")


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES_HZ)
@pytest.mark.parametrize("name", ["noise", "recording"])
def test_samples_are_those_of_resampy(clips, published, name, from_hz, to_hz):
    expected = published[f"{name} {from_hz} {to_hz}"]
    found = resample_kaiser_best(clips[name], from_hz, to_hz)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=3e-6, rtol=0)
