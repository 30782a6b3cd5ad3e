"""The rules cut, pad and whole, in exact numbers of samples."""

import numpy as np
import pytest

from embedshift.excerpt import Excerpt, UnusableClip


@pytest.mark.parametrize(
    ("rule", "start_s", "duration_s", "expected"),
    [
        ("cut", 0.0, None, (0, 3000)),
        ("cut", 1.5, 10.0, (1500, 4500)),
        ("cut", 1.5, 2.0, (1500, 3500)),
        ("pad", 0.0, 2.0, (0, 2000)),
        ("whole", 0.5, None, (500, None)),
        ("whole", 0.5, 7.0, (500, 7500)),
    ],
)
def test_source_range(rule, start_s, duration_s, expected):
    assert Excerpt(start_s, duration_s, rule, 3.0).source_range(1000) == expected


@pytest.mark.parametrize(
    ("length_s", "rate", "samples"),
    [(3.0, 44100, 132300), (0.96, 16000, 15360), (1 / 3, 44100, 14700), (2.99999, 8000, 24000)],
)
def test_clip_length_is_rounded_to_samples(length_s, rate, samples):
    assert Excerpt(0.0, None, "cut", length_s).clip_samples(rate) == samples
    assert Excerpt(0.0, None, "whole", length_s).clip_samples(rate) is None


@pytest.mark.parametrize("n", [0, 1, 2999, 3000, 3001, 9000])
@pytest.mark.parametrize("channels", [1, 2])
def test_fit_keeps_the_beginning_and_pads_the_end(n, channels):
    samples = np.arange(1, n * channels + 1, dtype=np.float32).reshape(n, channels)
    padded = Excerpt(0.0, None, "pad", 3.0).fit(samples, 1000)
    assert padded.shape == (3000, channels)
    assert padded.dtype == np.float32
    kept = min(n, 3000)
    np.testing.assert_array_equal(padded[:kept], samples[:kept])
    assert not padded[kept:].any()
    np.testing.assert_array_equal(Excerpt(0.0, None, "whole", None).fit(samples, 1000), samples)
    if n >= 3000:
        np.testing.assert_array_equal(Excerpt(0.0, None, "cut", 3.0).fit(samples, 1000), samples[:3000])
    else:
        with pytest.raises(UnusableClip, match=rf"too short: .*\({n} samples\) .*takes 3 s \(3000 samples\)"):
            Excerpt(0.0, None, "cut", 3.0).fit(samples, 1000)
