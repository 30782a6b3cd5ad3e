"""A user's own class: what is accepted, and that every mistake in it is told in words, with file and line."""

import ast
import threading

import numpy as np
import pytest

from embedshift.batching import map_ahead
from embedshift.codehash import digest_of_tree
from embedshift.errors import UserError
from embedshift.models.load import load_adapter

HEAD = "import numpy as np\nimport torch\n\nclass Mine:\n    sample_rate_hz = 8_000\n"
GOOD = HEAD + "    def __call__(self, samples):\n        return np.stack([samples.mean(1), samples.std(1)], axis=1)\n"


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a class of the given text."""
    made = []

    def from_text(text, name="Mine", device="cpu", **options):
        made.append(tmp_path / f"mine_{len(made)}.py")
        made[-1].write_text(text)
        settings = {"adapter": f"python:{made[-1]}:{name}", "options": options}
        return load_adapter(settings, None, device, "float32")

    return from_text


def clips(rng, number=5, samples=8_000):
    return rng.standard_normal((number, samples)).astype(np.float32)


def test_a_class_that_is_called_becomes_an_adapter(load, rng):
    adapter = load(GOOD)
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_dim, adapter.frame_hop_s) == (8_000, 2, 2, None)
    batch = clips(rng)
    frames = adapter.embed(batch)
    assert frames.shape == (5, 1, 2)
    assert frames.dtype == np.float32
    expected = np.stack([batch.mean(axis=1), batch.std(axis=1)], axis=1)
    np.testing.assert_allclose(frames[:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(adapter.pool(frames[0]), expected[0], rtol=1e-6)
    assert (adapter.calls, adapter.clips_embedded) == (1, 5)


def test_frames_and_options_and_device_and_an_own_pool(load, rng):
    text = HEAD + (
        "    frame_hop_s = 0.1\n    minimum_samples = 1_600\n"
        "    def __init__(self, device, bands=2):\n        self.device, self.bands = device, bands\n"
        "    def embed(self, batch):\n"
        "        assert self.device == 'cpu'\n"
        "        frames = torch.from_numpy(batch).unfold(1, 800, 800).requires_grad_()\n"
        "        return frames[..., :self.bands] * 2.0\n"
        "    def pool(self, frames):\n        return np.concatenate([frames.max(0), frames.min(0)])\n"
    )
    adapter = load(text, bands=3)
    assert (adapter.dim, adapter.frame_dim, adapter.frame_hop_s) == (6, 3, 0.1)
    batch = clips(rng, 2)
    frames = adapter.embed(batch)
    np.testing.assert_array_equal(frames, 2 * batch.reshape(2, 10, 800)[..., :3])
    np.testing.assert_array_equal(adapter.pool(frames[0]), [*frames[0].max(axis=0), *frames[0].min(axis=0)])
    short = adapter.fit_length(batch[0, :1_000])
    np.testing.assert_array_equal(short, np.concatenate([batch[0, :1_000], batch[0, :600]]))


def test_a_subclass_of_the_library_s_own_adapter_keeps_its_length_rule(load):
    text = (
        "from embedshift.models.base import Adapter\n"
        "class Mine(Adapter):\n"
        "    sample_rate_hz, length_rule = 8_000, 'whole seconds'\n"
        "    def length_of(self, n):\n        return max(1, n // 8_000) * 8_000\n"
        "    def embed_checked(self, batch):\n        return batch.reshape(len(batch), -1, 8_000)[..., :4]\n"
    )
    adapter = load(text)
    assert (adapter.dim, adapter.length_of(20_000), adapter.length_of(10)) == (4, 16_000, 8_000)
    assert adapter.embed(np.ones((1, 16_000), np.float32)).shape == (1, 2, 4)


def test_what_lies_beside_the_file_can_be_imported(load, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", __import__("sys").path[:])
    (tmp_path / "scale_of_this_test.py").write_text("SCALE = 3\n")
    text = "from scale_of_this_test import SCALE\n" + GOOD.replace("samples.mean(1)", "SCALE + 0 * samples.mean(1)")
    assert load(text).embed(np.ones((1, 8_000), np.float32))[0, 0, 0] == 3


def test_work_in_place_harms_nobody(load):
    text = HEAD + "    def __call__(self, samples):\n        samples *= 2\n        return samples[:, :3]\n"
    batch = np.ones((1, 8_000), np.float32)
    assert load(text).embed(batch)[0, 0, 0] == 2
    assert batch.max() == 1


UNSAFE = HEAD + (
    "    thread_safe = {safe}\n    inside = 0\n    most = 0\n"
    "    def __call__(self, samples):\n"
    "        import time\n"
    "        self.inside += 1\n        Mine.most = max(Mine.most, self.inside)\n        time.sleep(0.02)\n"
    "        self.inside -= 1\n        return samples[:, :2]\n"
)


@pytest.mark.parametrize("safe", [False, True])
def test_calls_come_one_at_a_time_unless_the_class_says_that_it_does_not_matter(load, rng, safe):
    adapter = load(UNSAFE.format(safe=safe))
    ready = threading.Barrier(4)
    list(map_ahead(adapter.embed, [clips(rng)] * 8, threads=4, ahead=8, at_start=ready.wait))
    assert (adapter._model.most > 1) == safe


BROKEN = {
    "no rate": (GOOD.replace("sample_rate_hz", "rate"), ["has no sample_rate_hz"]),
    "a rate that is none": (GOOD.replace("8_000", "'8k'"), ["sample rate", "'8k'", "whole number"]),
    "a rate that is not a number": (GOOD.replace("8_000", "float('nan')"), ["sample rate", "nan", "whole number"]),
    "an endless minimum": (
        GOOD.replace("8_000\n", "8_000\n    minimum_samples = float('inf')\n"),
        ["minimum_samples", "inf", "whole number"],
    ),
    "a distance of frames in words": (
        GOOD.replace("8_000\n", "8_000\n    frame_hop_s = '10 ms'\n"),
        ["frame_hop_s", "'10 ms'", "seconds"],
    ),
    "a negative distance of frames": (
        GOOD.replace("8_000\n", "8_000\n    frame_hop_s = -0.1\n"),
        ["frame_hop_s", "-0.1", "above 0"],
    ),
    "derived from dict": (GOOD.replace("class Mine:", "class Mine(dict):"), ["__init__ of its own"]),
    "a length that is no whole number": (
        GOOD + "    def length_of(self, n):\n        return n / 3\n",
        ["length_of(8000)", "2666.6", "whole number"],
    ),
    "a length that never settles": (
        GOOD + "    def length_of(self, n):\n        return n + 1\n",
        ["length_of(8001) is 8002", "leave such a length"],
    ),
    "a length rule that fails": (
        GOOD + "    def length_of(self, n):\n        return n // 0\n",
        ["mine_0.py, line 9", "ZeroDivisionError"],
    ),
    "a pool that forgets to return": (
        GOOD + "    def pool(self, frames):\n        frames.mean(0)\n",
        ["pool of Mine", "object", "real numbers"],
    ),
    "a pool that is not finite": (
        GOOD + "    def pool(self, frames):\n        return frames.mean(0) * np.inf\n",
        ["pool of Mine", "not finite"],
    ),
    "a script that ends itself": ("import sys\n\nsys.exit(2)\n", ["mine_0.py, line 3", "SystemExit: 2"]),
    "nothing to call": (HEAD, ["__call__"]),
    "not Python": ("class Mine:\n    def\n", ["mine_0.py, line 2", "SyntaxError"]),
    "fails at import": ("import numpy\nimport no_such_module_xyz\n", ["mine_0.py, line 2", "no_such_module_xyz"]),
    "fails when made": (
        HEAD + "    def __init__(self):\n        self.x = {}['key']\n",
        ["mine_0.py, line 7", "KeyError"],
    ),
    "fails when called": (
        HEAD + "    def __call__(self, samples):\n        return np.fft.rfft(samples, axis=7)\n",
        ["mine_0.py, line 7", "IndexError", "(1, 8000)"],
    ),
    "an error deep inside": (
        HEAD + "    def __call__(self, samples):\n        return self.inner(samples)\n"
        "    def inner(self, samples):\n        raise ValueError('too loud')\n",
        ["mine_0.py, line 9", "ValueError: too loud"],
    ),
    "one number a batch": (
        HEAD + "    def __call__(self, samples):\n        return samples.mean()\n",
        ["shape ()", "(1, dim)"],
    ),
    "one row too few": (
        HEAD + "    def __call__(self, samples):\n        return samples[:1, :4]\n",
        ["shape (1, 4)", "3 clips"],
    ),
    "no numbers": (
        HEAD + "    def __call__(self, samples):\n        return [['a']] * len(samples)\n",
        ["real numbers"],
    ),
    "complex numbers": (
        HEAD + "    def __call__(self, samples):\n        return np.fft.rfft(samples)\n",
        ["complex", "real numbers"],
    ),
    "ragged": (HEAD + "    def __call__(self, samples):\n        return [[1.0], [1.0, 2.0]]\n", ["ValueError"]),
    "not finite": (
        HEAD + "    def __call__(self, samples):\n        return np.log(samples[:, :3] * 0)\n",
        ["not finite"],
    ),
    "random": (
        HEAD + "    def __call__(self, samples):\n        return np.random.rand(len(samples), 3)\n",
        ["the same clip twice", "random"],
    ),
    "normalised over the batch": (
        HEAD + "    def __call__(self, samples):\n        return (samples / samples.std())[:, :4]\n",
        ["alone and first in a batch", "the rest of the batch"],
    ),
    "a mean over the clips before": (
        HEAD + "    seen = 0\n    def __call__(self, samples):\n"
        "        self.seen += 1\n        return samples[:, :3] / self.seen\n",
        ["the same clip twice", "earlier calls"],
    ),
    "the order of the batch": (
        HEAD
        + "    def __call__(self, samples):\n        return samples[:, :3] * (np.arange(len(samples)) + 1)[:, None]\n",
        ["alone and last in a batch"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_class_is_told_in_words(load, case):
    text, words = BROKEN[case]
    with pytest.raises(UserError) as caught, np.errstate(all="ignore"):
        load(text)
    for word in words:
        assert word in str(caught.value)


def test_options_that_the_class_does_not_take(load):
    with pytest.raises(UserError, match=r"bands") as caught:
        load(HEAD + "    def __init__(self, size=3):\n        pass\n", bands=3)
    assert "takes: size" in str(caught.value)
    with pytest.raises(UserError, match="does not take these options"):
        load(GOOD, bands=3)


def test_a_class_or_a_file_that_is_not_there(load, tmp_path):
    with pytest.raises(UserError, match="defines no Other"):
        load(GOOD, name="Other")
    with pytest.raises(UserError, match="is no class"):
        load(GOOD + "Other = 3\n", name="Other")
    with pytest.raises(UserError, match="no file"):
        load_adapter({"adapter": f"python:{tmp_path}/nowhere.py:Mine", "options": {}}, None, "cpu", "float32")


def test_a_dimension_that_follows_the_length_is_found_out(load, rng):
    adapter = load(HEAD + "    def __call__(self, samples):\n        return samples[:, ::2]\n")
    with pytest.raises(UserError, match="4000 values a frame before and 2000 now"):
        adapter.embed(clips(rng, samples=4_000))


def test_memory_that_runs_out_is_no_mistake_of_the_user(load, rng):
    """The batching answers it with smaller batches, so it must come through as it is."""
    text = HEAD + (
        "    def __call__(self, samples):\n"
        "        if len(samples) > 3:\n            raise MemoryError('too many')\n        return samples[:, :2]\n"
    )
    with pytest.raises(MemoryError, match="too many"):
        load(text).embed(clips(rng))


def test_the_shipped_example_knows_a_sine(repository):
    """Closed form: a sine of amplitude 0.5 has 20 log10(0.5 / sqrt(2)) dB, and its spectrum is centred on it."""
    settings = {"adapter": f"python:{repository}/examples/rms_and_centroid.py:RmsAndCentroid", "options": {}}
    adapter = load_adapter(settings, None, "cpu", "float32")
    assert (adapter.dim, adapter.frame_hop_s) == (2, 0.1)
    sine = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(22_050) / 22_050)
    frames = adapter.embed(sine[None].astype(np.float32))
    assert frames.shape == (1, 10, 2)
    np.testing.assert_allclose(frames[0, :, 0], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.01)
    np.testing.assert_allclose(frames[0, :, 1], 1.0, atol=0.01)


def test_the_example_in_the_documentation_is_the_shipped_one_and_short(repository):
    page = (repository / "docs" / "add_your_own_model.md").read_text()
    shown = page.split("```python\n")[1].split("```")[0]
    shipped = (repository / "examples" / "rms_and_centroid.py").read_text()
    assert digest_of_tree(ast.parse(shown)) == digest_of_tree(ast.parse(shipped))
    assert len(shown.splitlines()) < 20
