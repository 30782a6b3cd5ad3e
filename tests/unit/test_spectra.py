"""Spectra against numpy, scikit-learn and planted dimensions."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from embedshift.spectra import (
    clean_variances,
    components_for,
    displacement_variances,
    participation_ratio,
    relative_singular_values,
)


@pytest.mark.parametrize("clips", [60, 4], ids=["tall", "wide"])
def test_displacement_variances_equal_sklearn(rng, clips):
    clean = rng.standard_normal((clips, 24)).astype(np.float32)
    trajectories = clean[:, None] + rng.standard_normal((clips, 5, 24)).astype(np.float32) + 0.5
    displacements = (trajectories - clean[:, None]).reshape(-1, 24).astype(float)
    centred, uncentred = displacement_variances(clean, trajectories)
    rows = clips * 5
    expected = PCA().fit(displacements).explained_variance_ * (rows - 1) / rows
    np.testing.assert_allclose(centred, expected, atol=1e-5)
    np.testing.assert_allclose(uncentred, np.linalg.svd(displacements)[1] ** 2 / rows, rtol=1e-5, atol=1e-6)
    cloud = clean.astype(float) - clean.mean(axis=0, dtype=float)
    np.testing.assert_allclose(clean_variances(clean), np.linalg.svd(cloud)[1] ** 2 / clips, atol=1e-6)


def test_participation_ratio_and_components_in_closed_form():
    assert participation_ratio(np.full(7, 0.3)) == pytest.approx(7)
    assert participation_ratio(np.array([4.0, 2.0, 0.0])) == pytest.approx(36 / 20)
    assert components_for(np.full(10, 2.0), 0.9) == 9
    assert components_for(np.array([8.0, 1.0, 1.0]), 0.9) == 2
    assert np.isnan(participation_ratio(np.zeros(3)))
    assert np.isnan(components_for(np.zeros(3), 0.9))


def deformed(rng, clips, strengths, dim, planted, noise):
    basis = np.linalg.qr(rng.standard_normal((dim, planted)))[0].T
    clean = rng.standard_normal((clips, dim))
    moves = rng.standard_normal((clips, strengths, planted)) @ basis
    return clean, clean[:, None] + moves + noise * rng.standard_normal((clips, strengths, dim))


def test_a_deformation_of_three_dimensions_with_noise_has_a_participation_ratio_of_three(rng):
    centred, _ = displacement_variances(*deformed(rng, 200, 10, 64, planted=3, noise=0.02))
    assert participation_ratio(centred) == pytest.approx(3, abs=0.15)
    assert components_for(centred, 0.9) == 3


def test_isotropic_noise_fills_the_space_and_a_common_translation_one_dimension(rng):
    clean, noisy = deformed(rng, 400, 10, 64, planted=1, noise=100.0)
    assert participation_ratio(displacement_variances(clean, noisy)[0]) > 60
    shifts = clean[:, None] + np.arange(1, 6)[:, None] * rng.standard_normal(64)
    for variances in displacement_variances(clean, shifts):
        assert participation_ratio(variances) == pytest.approx(1)


def test_relative_singular_values_equal_numpy(rng):
    for shape in ((40, 12), (12, 40)):
        matrix = rng.standard_normal(shape) * np.geomspace(1, 1e-3, shape[1])
        expected = np.linalg.svd(matrix, compute_uv=False)
        blocks = np.split(matrix, [5, 11])
        found = relative_singular_values(blocks, len(matrix), 8)
        np.testing.assert_allclose(found, expected[:8] / expected[0], rtol=1e-7)
    assert len(relative_singular_values([np.zeros((4, 3))], 4, 8)) == 0
