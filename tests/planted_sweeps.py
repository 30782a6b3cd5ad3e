"""Seeded embeddings with a planted effect, for the tests of erasers."""

import numpy as np


def planted_sweep(rng, clips=120, strengths=8, dim=40, noise=0.05, displacement_spread=0.0):
    """Return clean, sweep, label, group and the planted direction; classes differ along another, orthogonal one.

    The sweep moves along the planted direction in proportion to the strength's position, by 3 at the strongest (times
    a factor for each clip, 1 +- the spread); everything else is isotropic.
    """
    axes = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    planted, of_class = axes[0], axes[1]
    label = rng.integers(0, 2, clips)
    clean = rng.standard_normal((clips, dim)) + np.outer(3.0 * label, of_class)
    reach = 3 * (1 + displacement_spread * rng.standard_normal(clips))
    path = np.linspace(1 / strengths, 1, strengths)
    sweep = clean[:, None] + reach[:, None, None] * path[:, None] * planted
    sweep += noise * rng.standard_normal(sweep.shape)
    group = np.array([f"recording{number // 2}" for number in range(clips)])
    return {
        "clean": clean.astype(np.float32),
        "sweep": sweep.astype(np.float32),
        "labels": label.astype(str),
        "groups": group,
        "strengths": path,
        "planted": planted,
        "of_class": of_class,
    }


def noise_sweep(rng, clips, strengths, dim):
    """Return clean and effected embeddings that have nothing to do with each other."""
    return {
        "clean": rng.standard_normal((clips, dim)),
        "sweep": rng.standard_normal((clips, strengths, dim)),
        "labels": np.zeros(clips).astype(str),
        "groups": np.arange(clips).astype(str),
        "strengths": np.arange(strengths),
    }


def strength_in_the_length(rng, clips, strengths=8, dim=128, latent=16, noise=0.1):
    """Return a sweep whose effect shrinks each clip's own 16-dimensional position, where the classes are, too.

    No linear map tells the strength (means are zero at every strength, in both classes together), any measure of
    length does; removing the subspace removes the classes.
    """
    axes = np.linalg.qr(rng.standard_normal((dim, dim)))[0][:latent]
    label = rng.integers(0, 2, clips)
    position = rng.standard_normal((clips, latent))
    position[:, 0] += 1.6 * (2 * label - 1)
    shrink = 1 - 0.7 * np.arange(strengths) / (strengths - 1)
    clean = position @ axes + noise * rng.standard_normal((clips, dim))
    sweep = clean[:, None] - ((1 - shrink)[:, None] * position[:, None]) @ axes
    sweep += noise * rng.standard_normal(sweep.shape)
    return {
        "clean": clean.astype(np.float32),
        "sweep": sweep.astype(np.float32),
        "labels": label.astype(str),
        "groups": np.arange(clips).astype(str),
        "strengths": np.arange(strengths),
    }
