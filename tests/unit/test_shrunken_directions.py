"""Ridge and cross-covariance directions against scikit-learn, and where least squares goes astray."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge

from embedshift.directions import global_direction, unit
from embedshift.least_squares import CentredRows
from embedshift.monotonicity import measure_monotonicity
from embedshift.shrunken_directions import solve_cross_covariance, solve_ridge


@pytest.mark.parametrize("dim", [12, 90], ids=["tall", "wide"])
def test_solutions_equal_sklearn(rng, dim):
    trajectories = rng.standard_normal((10, 6, dim)) * np.geomspace(2, 0.2, dim)
    rows = CentredRows(trajectories)
    flat, levels = trajectories.reshape(-1, dim), np.tile(np.arange(6), 10)
    scatter = rows.scatter() if len(rows) > dim else None
    centred = flat - flat.mean(axis=0)
    penalty = 0.3 * np.sum(centred**2) / min(59, dim)
    found = solve_ridge(rows, levels[:, None], scatter, share=0.3).coefficients[:, 0]
    np.testing.assert_allclose(found, Ridge(alpha=penalty).fit(flat, levels).coef_, rtol=1e-7, atol=1e-10)
    weights = PLSRegression(n_components=1, scale=False).fit(flat, levels).x_weights_[:, 0]
    found = unit(solve_cross_covariance(rows, levels[:, None]).coefficients[:, 0])
    assert abs(found @ weights) == pytest.approx(1, abs=1e-9)


def test_jitter_at_saturated_strengths_turns_least_squares_but_not_the_others(rng):
    path = np.minimum(np.arange(10), 5)[:, None] * rng.standard_normal(50)
    clips = rng.standard_normal((3, 1, 50)) + path
    jittered = clips + 1e-7 * rng.standard_normal(clips.shape)
    again = clips + 1e-7 * rng.standard_normal(clips.shape)
    levels = np.tile(np.arange(10), 3)[:, None]

    def cosine(solve):
        one, other = (unit(solve(CentredRows(rows))) for rows in (jittered, again))
        return abs(one @ other)

    assert cosine(lambda rows: global_direction(rows._trajectories).vector) < 0.5
    assert cosine(lambda rows: solve_cross_covariance(rows, levels).coefficients[:, 0]) > 0.999999
    assert cosine(lambda rows: solve_ridge(rows, levels, None, share=0.1).coefficients[:, 0]) > 0.999999


def test_monotonicity_along_other_directions_holds_out_groups_and_knows_a_still_model(rng):
    clips = np.arange(30)
    step = np.linspace(0.2, 2, 8)[:, None] * np.eye(20)[3]
    moving = 0.3 * rng.standard_normal((30, 1, 20)) + step + 0.01 * rng.standard_normal((30, 8, 20))
    options = {"folds": 4, "permutations": 40, "resamples": 100, "seed": 1, "solve": solve_cross_covariance}
    found = measure_monotonicity(moving, clips, clips // 2, np.full(30, "a"), **options)
    assert found.held_out.value > 0.7
    assert found.within_clip.value == pytest.approx(1)
    assert abs(found.within_clip.null.mean()) < 0.1
    assert found.held_out_pearson.value > 0.7
    still = np.repeat(moving[:, :1], 8, axis=1)
    for solve in (solve_cross_covariance, lambda *given: solve_ridge(*given, share=0.1)):
        found = measure_monotonicity(still, clips, clips // 2, np.full(30, "a"), **(options | {"solve": solve}))
        assert abs(found.held_out.value) < 0.05
