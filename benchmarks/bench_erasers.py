"""Erasers: projection and fitting against the published way on the same input in one run, and memory at full size.

Projection: ours is a rank-k update, the published way multiplies by the matrix 1 - v v'. Both may use all cores: each
is timed with one BLAS thread and with all, several times, and its fastest run counts. Target: at least 20 times as fast
at rank 1, equal within 1e-8. Fitting is shown against scikit-learn's LDA and PCA
without a target. Memory: all erasers are fitted on a sweep of 6,705 x 34 x 2,048 in a process of its own, whose peak
must stay below 6 GB; minutes, so it is left out with --quick.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from embedshift.erasers.catalog import ERASERS
from embedshift.erasers.fit import FITS, fit_eraser
from embedshift.erasers.linear_map import orthogonal_map
from embedshift.erasers.random_subspace import random_basis
from embedshift.erasers.training_clips import TrainingClips

RESULT = Path(__file__).parent / "results" / "erasers.json"
CORES = len(os.sched_getaffinity(0))
LARGEST_DIFFERENCE = 1e-8
LARGEST_MEMORY_GB = 6.0


def project_as_published(embeddings, basis):
    return embeddings @ (np.eye(basis.shape[1]) - basis.T @ basis)


def fastest(function, arguments, repeats):
    """Return the fewest seconds over repeats and over one or all BLAS threads, and the result."""
    best_s = np.inf
    for blas_threads in {1, CORES}:
        with threadpool_limits(blas_threads):
            for _ in range(repeats):
                started_s = time.perf_counter()
                result = function(*arguments)
                best_s = min(best_s, time.perf_counter() - started_s)
    return best_s, result


def judged(value, target, at_most=True):
    """Return value, target in words, and whether it is met; nothing can be missed where there is none."""
    met = target is None or (value <= target if at_most else value >= target)
    words = "-" if target is None else f"{'<=' if at_most else '>='} {target:g}"
    return {"value": value, "target": words, "met": bool(met)}


def compare(name, reference_s, our_s, difference, target, largest_difference):
    speed = {"name": f"{name}: speed over the published way", "reference_s": reference_s, "ours_s": our_s,
             "cores": CORES, "unit": "x", **judged(reference_s / our_s, target, at_most=False)}  # fmt: skip
    equal = {"name": f"{name}: largest difference", "unit": "", **judged(difference, largest_difference)}
    print(f"{name:44}{reference_s:10.4f}{our_s:10.4f}{speed['value']:8.1f}{speed['target']:>9}{difference:12.1e}",
          flush=True)  # fmt: skip
    return [speed, equal]


def projections():
    rng = np.random.default_rng(20220419)
    embeddings = rng.standard_normal((4834, 2048), dtype=np.float32)
    for rank, target in ((1, 20), (16, None), (128, None)):
        basis = random_basis(rank, 2048, seed=rank)
        eraser = orthogonal_map(basis)
        our_s, found = fastest(eraser.apply, (embeddings,), 5)
        reference_s, expected = fastest(project_as_published, (embeddings, basis), 2)
        difference = float(np.abs(found - expected).max())
        yield from compare(
            f"projection 4834 x 2048, rank {rank}", reference_s, our_s, difference, target, LARGEST_DIFFERENCE
        )


def curves(clips, strengths, dim):
    """Return clean embeddings and a sweep that moves along a few directions, float32."""
    rng = np.random.default_rng(20220419)
    clean = rng.standard_normal((clips, dim), dtype=np.float32)
    sweep = rng.standard_normal((clips, strengths, dim), dtype=np.float32)
    sweep *= np.float32(0.3)
    path = np.linspace(0, 1, strengths, dtype=np.float32)
    sweep[:, :, :8] += path[:, None] * rng.standard_normal(8, dtype=np.float32)
    for start in range(0, clips, 64):
        sweep[start : start + 64] += clean[start : start + 64, None]
    return clean, sweep


def training_clips(clean, sweep):
    labels = np.zeros(len(clean)).astype(str)
    return TrainingClips(sweep, clean, labels, np.arange(sweep.shape[1]), np.arange(len(clean)).astype(str),
                         threads=CORES)  # fmt: skip


def lda_as_published(clean, sweep):
    rows = np.concatenate([clean, sweep.reshape(-1, clean.shape[1])]).astype(np.float64)
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(rows, np.arange(len(rows)) >= len(clean))
    return fitted.coef_ / np.linalg.norm(fitted.coef_)


def pca_as_published(clean, sweep):
    displacements = (sweep.astype(np.float64) - clean[:, None]).reshape(-1, clean.shape[1])
    return PCA().fit(displacements).components_[:1]


def fits():
    clean, sweep = curves(288, 12, 512)
    for method, reference in (("lda", lda_as_published), ("displacement_pca", pca_as_published)):
        our_s, (found, _) = fastest(lambda method=method: FITS[method](training_clips(clean, sweep), {}, 0), (), 2)
        reference_s, expected = fastest(reference, (clean, sweep), 1)
        difference = float(np.abs(np.abs(found.basis @ expected.T) - 1).max())
        yield from compare(f"fit of {method} 288 x 12 x 512", reference_s, our_s, difference, None, LARGEST_DIFFERENCE)


def fit_at_full_size(methods, clips):
    """Fit erasers in this process and print seconds and the peak of its memory in GB."""
    import resource

    clean, sweep = curves(clips, 34, 2048)
    training = training_clips(clean, sweep)
    for method in methods:
        started_s = time.perf_counter()
        eraser = fit_eraser(method, training)
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        seconds = time.perf_counter() - started_s
        print(f"{method:32}{eraser.n_dimensions:6d} dimensions {seconds:8.1f} s, peak {peak_gb:.2f} GB", flush=True)
    print(json.dumps({"peak_gb": peak_gb}))


def memory():
    command = [sys.executable, __file__, "--fit-at-full-size", *ERASERS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    peak_gb = json.loads(line)["peak_gb"]
    yield {"name": "all erasers on 6705 x 34 x 2048: peak memory", "unit": "GB", **judged(peak_gb, LARGEST_MEMORY_GB)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without the memory at full size")
    parser.add_argument("--fit-at-full-size", nargs="+", metavar="ERASER", help="fit these in this process, no more")
    parser.add_argument("--clips", type=int, default=6705, help="clips for --fit-at-full-size")
    given = parser.parse_args()
    if given.fit_at_full_size:
        fit_at_full_size(given.fit_at_full_size, given.clips)
        return
    print(f"{'':44}{'published':>10}{'ours s':>10}{'ratio':>8}{'target':>9}{'difference':>12}")
    results = [*projections(), *fits(), *([] if given.quick else memory())]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
