"""What clips have in common: direct sums over pairs, planted truth, and the axis of held-out groups."""

import numpy as np
import pytest

from embedshift.common_motion import CommonShare, first_axis, rank_one_parts, ratio_of_sums, unit_rows
from embedshift.group_pairs import groups_of, mean_between, signs, sums_between
from embedshift.resampling import draw_groups, group_folds

GROUP = np.repeat([f"g{number}" for number in range(12)], [1, 2, 3, 2, 4, 1, 1, 2, 3, 1, 2, 2])


@pytest.fixture
def groups():
    return groups_of(draw_groups(GROUP, 200, 5))


def test_means_over_pairs_equal_a_loop_over_pairs(rng, groups):
    rows = rng.standard_normal((24, 7)) + 0.4
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(24) for j in range(24) if GROUP[i] != GROUP[j]]
    cosines = np.mean([units[i] @ units[j] for i, j in pairs])
    assert CommonShare(groups).add(unit_rows(rows)).share()[0] == pytest.approx(cosines)
    products = np.mean([rows[i] @ rows[j] for i, j in pairs]) / np.mean(np.sum(rows**2, axis=1))
    assert CommonShare(groups).add(rows).share()[0] == pytest.approx(products)
    assert mean_between(sums_between(rows @ rows.T, groups), groups)[0] == pytest.approx(
        products * np.mean(np.sum(rows**2, axis=1))
    )


def test_a_resample_equals_the_loop_over_its_copies_of_different_groups(rng, groups):
    rows = rng.standard_normal((24, 7)) + 0.4
    _, resampled = CommonShare(groups).add(rows).share()
    counts = draw_groups(GROUP, 200, 5).of_clips()
    drawn = np.repeat(np.arange(24), counts[3].astype(int))
    products = [rows[i] @ rows[j] for i in drawn for j in drawn if GROUP[i] != GROUP[j]]
    assert resampled[3] == pytest.approx(np.mean(products) / np.mean(np.sum(rows[drawn] ** 2, axis=1)))


@pytest.mark.parametrize("dim", [7, 40], ids=["more groups than dimensions", "fewer"])
def test_the_null_and_sums_over_strengths_equal_loops_over_pairs(rng, groups, dim):
    flips = signs(groups, 20, 3)
    strengths = [rng.standard_normal((24, dim)) + 0.3 for _ in range(2)]
    over_all = CommonShare(groups, flips)
    for rows in strengths:
        over_all.join(CommonShare(groups, flips).add(rows))
    pairs = [(i, j) for i in range(24) for j in range(24) if GROUP[i] != GROUP[j]]
    sign = flips[4][groups.of_clip]
    products = [sum(sign[i] * sign[j] * rows[i] @ rows[j] for i, j in pairs) for rows in strengths]
    square = sum(np.mean(np.sum(rows**2, axis=1)) for rows in strengths)
    assert over_all.null()[4] == pytest.approx(sum(products) / len(pairs) / square)


def test_a_common_translation_is_explained_whole_and_noise_not_at_all(rng, groups):
    shift = np.tile(rng.standard_normal(50), (24, 1))
    share = CommonShare(groups).add(shift).add(2 * shift)
    assert share.share()[0] == pytest.approx(1)
    assert share.share()[1] == pytest.approx(1)
    noise = CommonShare(groups, signs(groups, 500, 1)).add(rng.standard_normal((24, 50)))
    assert abs(noise.share()[0]) < 0.03
    null = noise.null()
    assert abs(null.mean()) < 3 * null.std() / np.sqrt(500)
    assert np.isnan(CommonShare(groups).add(np.zeros((24, 5))).share()[0])


@pytest.mark.parametrize("clips", [24, 200])
def test_one_direction_explains_clips_that_go_different_distances(rng, clips):
    group = np.arange(clips) // 2
    fold = group_folds(group, np.full(clips, "a"), 4, 1)
    axis = unit_rows(rng.standard_normal((1, 40)))
    rows = rng.standard_normal((clips, 1)) * axis
    gram = rows @ rows.T
    np.testing.assert_allclose(rank_one_parts(gram, fold), np.diagonal(gram), atol=1e-9)
    noisy = rows + 0.1 * rng.standard_normal((clips, 40))
    parts = rank_one_parts(noisy @ noisy.T, fold)
    one = np.flatnonzero(fold != 0)
    fitted = np.linalg.svd(noisy[one], full_matrices=False)[2][0]
    np.testing.assert_allclose(parts[fold == 0], (noisy[fold == 0] @ fitted) ** 2, rtol=1e-6)
    noise = rng.standard_normal((clips, 40))
    value, _ = ratio_of_sums(
        rank_one_parts(noise @ noise.T, fold), np.sum(noise**2, axis=1), draw_groups(np.arange(clips), 0, seed=0)
    )
    assert value < 0.1  # in sample it is above 1 / dim by far
    assert first_axis(noise @ noise.T)[0] == pytest.approx(np.linalg.norm(noise, 2) ** 2)
