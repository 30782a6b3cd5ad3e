"""The six published erasers against their definitions, built from scikit-learn's CCA, LDA and PCA."""

import numpy as np
import pytest
from planted_sweeps import planted_sweep
from published_weights import published_weights
from recorded_clips import recorded_clips
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from embedshift.erasers.catalog import PUBLISHED
from embedshift.erasers.fit import fit_eraser
from embedshift.erasers.training_clips import TrainingClips
from embedshift.models.load import load_adapter

GAINS_DB = (0, -40, -32, -24, -16, -8, 5)
METHODS = [name for name in PUBLISHED if name != "none"]


def remove(rows, directions):
    projector = np.eye(rows.shape[1])
    for direction in directions:
        projector -= np.outer(direction, direction)
    return rows @ projector


def lda_directions(clean, sweep, all_clean):
    effected = sweep.reshape(-1, clean.shape[1])
    rows = np.concatenate([clean, effected])
    is_effected = np.arange(len(rows)) >= len(clean)
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(rows, is_effected)
    return lda.coef_ / np.linalg.norm(lda.coef_)


def average_directions(clean, sweep, all_clean):
    mean = sweep.mean(axis=(0, 1)) - clean.mean(axis=0)
    return [mean / np.linalg.norm(mean)]


def displacement_pca(clean, sweep):
    return PCA(svd_solver="full").fit((sweep - clean[:, None]).reshape(-1, clean.shape[1]))


def pca_directions(clean, sweep, all_clean):
    return displacement_pca(clean, sweep).components_[:1]


def normalised_pca_directions(clean, sweep, all_clean):
    displaced, reference = displacement_pca(clean, sweep), PCA(svd_solver="full").fit(all_clean)
    defined = reference.singular_values_ > 1e-12 * reference.singular_values_[0]  # else the ratio is rounding noise
    ranks = min(len(displaced.components_), np.count_nonzero(defined))
    ratio = displaced.explained_variance_[:ranks] / reference.explained_variance_[:ranks]
    return displaced.components_[[np.argmax(ratio)]]


def cca_direction(rows, strengths):
    targets = np.tile(np.arange(strengths) / (strengths - 1), len(rows) // strengths)
    return CCA(n_components=1, scale=False).fit(rows, targets).x_weights_[:, 0]


def cca_directions(clean, sweep, all_clean):
    return [cca_direction(sweep.reshape(-1, clean.shape[1]), sweep.shape[1])]


def sample_wise_directions(clean, sweep, all_clean, threshold=0.3):
    directions = np.stack([cca_direction(trajectory, len(trajectory)) for trajectory in sweep])
    _, size, vectors = np.linalg.svd(directions, full_matrices=False)
    removed = []
    for value, vector in zip(size, vectors, strict=True):
        if value / size[0] < threshold:
            break
        removed.append(vector)
    return removed


DEFINITIONS = {
    "lda": lda_directions,
    "average_displacement": average_directions,
    "displacement_pca": pca_directions,
    "normalised_displacement_pca": normalised_pca_directions,
    "cca_global": cca_directions,
    "cca_sample_wise": sample_wise_directions,
}


def compare(method, data, all_clean, test, **options):
    """Return the largest difference between projected test embeddings, and our eraser."""
    clips = TrainingClips(
        data["sweep"], data["clean"], data["labels"], data["strengths"], data["groups"], all_clean=all_clean
    )
    eraser = fit_eraser(method, clips, options)
    as_float64 = [np.asarray(array, dtype=np.float64) for array in (data["clean"], data["sweep"], all_clean)]
    directions = DEFINITIONS[method](*as_float64, **options)
    expected = remove(np.asarray(test, dtype=np.float64), directions)
    assert eraser.n_dimensions == len(directions)
    return np.abs(eraser.apply(test) - expected).max(), eraser


def test_every_published_method_has_its_definition_here():
    assert set(METHODS) == set(DEFINITIONS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("clips", "dim"), [(90, 40), (30, 300)], ids=["tall", "wide"])
def test_projected_embeddings_equal_the_published_definition(rng, method, clips, dim):
    data = planted_sweep(rng, clips, 12, dim, noise=0.2, displacement_spread=0.3)
    others = planted_sweep(rng, 4 * dim, 2, dim)["clean"]
    difference, eraser = compare(method, data, others, others)
    assert difference < 1e-8
    assert eraser.energy_removed.displacement > 0


@pytest.mark.parametrize("threshold", [0.3, 0.4, 0.5, 1.0])
def test_thresholds_of_the_sample_wise_subspace(rng, threshold):
    data = planted_sweep(rng, 60, 12, 100, noise=0.2)
    difference, eraser = compare("cca_sample_wise", data, data["clean"], data["clean"], threshold=threshold)
    assert difference < 1e-8
    assert eraser.details["directions"] == 60


def test_where_no_singular_value_is_below_the_threshold_all_are_removed(rng):
    data = planted_sweep(rng, 5, 12, 100, noise=5.0)
    difference, eraser = compare("cca_sample_wise", data, data["clean"], data["clean"], threshold=0.01)
    assert difference < 1e-8
    assert eraser.n_dimensions == 5


@pytest.fixture(scope="module", params=["penultimate", "taggram"])
def musicnn_sweep(request, real_recordings):
    """Return musicnn embeddings of 12 real clips at 6 gains, as a sweep: 72 rows in 200 or in 50 dimensions."""
    audio = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 12, 16_000, 48_000)
    settings = {"adapter": "musicnn", "options": {"checkpoint": "MTT_musicnn", "layer": request.param}}
    adapter = load_adapter(settings, published_weights("musicnn_MTT_musicnn"), "cpu", "float32")
    clean, *effected = [adapter.embed(np.float32(10 ** (gain_db / 20)) * audio).mean(axis=1) for gain_db in GAINS_DB]
    return {
        "clean": clean,
        "sweep": np.stack(effected, axis=1),
        "labels": np.zeros(12).astype(str),
        "groups": np.arange(12).astype(str),
        "strengths": GAINS_DB[1:],
    }


@pytest.mark.parametrize("method", METHODS)
def test_projected_musicnn_embeddings_of_real_clips_equal_the_published_definition(musicnn_sweep, method):
    difference, _ = compare(method, musicnn_sweep, musicnn_sweep["clean"], musicnn_sweep["sweep"][:, -1])
    assert difference < 1e-8
