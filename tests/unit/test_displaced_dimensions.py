"""Dimensions of displacements: direct sums, planted truth, and the bootstrap against recomputing."""

import numpy as np
import pytest

from embedshift.displaced_dimensions import (
    DisplacementScatter,
    components_for_share,
    noise_corrected,
    participation_between_groups,
)
from embedshift.group_pairs import groups_of
from embedshift.parallel_analysis import shared_rank
from embedshift.resampling import draw_groups
from embedshift.spectra import displacement_variances


def scatter_of(displacements, group=None, resamples=200):
    clips = len(displacements)
    group = np.arange(clips) if group is None else group
    groups = groups_of(draw_groups(group, resamples, 5))
    clean = np.zeros((clips, displacements.shape[2]), dtype=np.float32)
    return DisplacementScatter(clean, displacements.astype(np.float32), groups)


def planted(rng, clips=200, strengths=5, dim=100, rank=3, noise=0.3):
    """Return displacements of variance 1 in `rank` dimensions with noise of `noise` times their energy."""
    basis = np.linalg.qr(rng.standard_normal((dim, rank)))[0].T
    moves = rng.standard_normal((clips, strengths, rank)) @ basis
    return moves + np.sqrt(noise * rank / dim) * rng.standard_normal((clips, strengths, dim))


@pytest.mark.parametrize("dim", [6, 90], ids=["tall", "wide"])
def test_the_ratio_between_groups_equals_a_loop_over_pairs_of_groups(rng, dim):
    group = np.repeat(np.arange(7), [1, 2, 3, 2, 1, 2, 1])
    displacements = rng.standard_normal((12, 3, dim)).astype(np.float32)
    found = scatter_of(displacements, group)
    parts = [displacements[group == one].reshape(-1, dim).astype(float) for one in range(7)]
    scatters = [rows.T @ rows for rows in parts]
    pairs = [(a, b) for a in range(7) for b in range(7) if a != b]
    number = sum(len(parts[a]) * len(parts[b]) for a, b in pairs)
    trace = sum(np.trace(scatters[a]) * np.trace(scatters[b]) for a, b in pairs) / number
    moment = sum(np.sum(scatters[a] * scatters[b]) for a, b in pairs) / number
    assert participation_between_groups(found).value == pytest.approx(trace / moment, rel=1e-6)


def test_variances_are_those_of_the_uncentred_spectrum(rng):
    displacements = planted(rng, clips=30, dim=40)
    clean = rng.standard_normal((30, 40)).astype(np.float32)
    found = scatter_of(displacements)
    _, uncentred = displacement_variances(np.zeros_like(clean), displacements.astype(np.float32))
    np.testing.assert_allclose(found.variances[: len(uncentred)], uncentred, atol=1e-9)


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
def test_three_dimensions_with_noise_come_out_as_three(rng, noise):
    displacements = planted(rng, noise=noise)
    shared = shared_rank(displacements[:100], rotations=39, seed=1)
    assert shared.rank == 3
    ratio, count = noise_corrected(scatter_of(displacements), shared.rank)
    assert ratio.value == pytest.approx(3, abs=0.05)
    low, high = np.quantile(ratio.resampled, [0.025, 0.975])
    assert low <= ratio.value <= high
    assert 2.5 < count.value < 3


def test_the_noise_that_inflates_a_component_is_taken_away(rng):
    """One dimension of variance 4 in noise of variance 1, 100 dimensions: v is found though the sample shows more."""
    displacements = 2 * rng.standard_normal((150, 1, 1)) * np.eye(100)[0] + rng.standard_normal((150, 1, 100))
    found = scatter_of(displacements)
    assert found.variances[0] > 5.3
    from embedshift.displaced_dimensions import _freed

    noise = found.variances[1:].sum() / 99
    assert _freed(found.variances[:1], noise, 100 / 150)[0] == pytest.approx(4, rel=0.15)


def test_isotropic_noise_is_high_dimensional_and_a_translation_one(rng):
    noise = rng.standard_normal((150, 4, 60))
    ranks = [shared_rank(rng.standard_normal((50, 4, 60)), rotations=39, seed=seed).rank for seed in range(10)]
    assert np.count_nonzero(ranks) <= 2  # one in twenty by chance
    found = participation_between_groups(scatter_of(noise))
    assert found.value == pytest.approx(60, rel=0.05)
    few = participation_between_groups(scatter_of(noise[:40])).value
    assert few == pytest.approx(60, rel=0.25)  # an ordinary participation ratio would say 44
    assert all(np.isnan(estimate.value) for estimate in noise_corrected(scatter_of(noise), 0))
    shift = np.arange(1, 5)[:, None] * np.eye(60)[7] + 0.01 * rng.standard_normal((150, 4, 60))
    assert shared_rank(shift, rotations=39, seed=2).rank == 1
    assert participation_between_groups(scatter_of(shift)).value == pytest.approx(1, abs=0.01)
    assert components_for_share(scatter_of(shift), 0.9).value < 1


def test_the_first_order_bootstrap_has_the_spread_of_recomputing(rng):
    displacements = planted(rng, clips=60, strengths=3, dim=20, noise=0.2) * rng.uniform(0.5, 2, (60, 1, 1))
    found = scatter_of(displacements)
    value = participation_between_groups(found)
    jackknife = [participation_between_groups(scatter_of(np.delete(displacements, one, axis=0), resamples=0)).value
                 for one in range(60)]  # fmt: skip
    error = np.sqrt(59 / 60 * np.sum((np.array(jackknife) - np.mean(jackknife)) ** 2))
    assert value.resampled.std() == pytest.approx(error, rel=0.25)
