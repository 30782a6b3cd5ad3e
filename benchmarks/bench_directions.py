"""Directions against scikit-learn's CCA: seconds, ratio and largest difference, on the same input in one run.

Both sides may use all cores: each is timed with one BLAS thread and with all, and its faster figure counts. Our
sample-wise directions keep one BLAS thread and use as many worker threads as cores. Runs alternate and the fastest
of each counts. Targets: at least 10 times as fast, equal within 1e-9. The saturating and the ill-conditioned input are
shown without a target.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.cross_decomposition import CCA
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from embedshift.directions import global_direction, sample_wise_directions, strength_targets

RESULT = Path(__file__).parent / "results" / "directions.json"
LARGEST_DIFFERENCE = 1e-9
CORES = len(os.sched_getaffinity(0))


def curves(clips, strengths, dim, noise, saturated=0):
    """Return smooth float32 trajectories with a little noise; the last `saturated` strengths coincide."""
    rng = np.random.default_rng(20220419)
    t = np.linspace(0, 1, strengths, dtype=np.float32)[:, None]
    shapes = rng.standard_normal((clips, 2, 1, dim), dtype=np.float32)
    start = rng.standard_normal((clips, 1, dim), dtype=np.float32)
    trajectories = start + t * shapes[:, 0] + 0.3 * t**2 * shapes[:, 1]
    trajectories += noise * rng.standard_normal((clips, strengths, dim), dtype=np.float32)
    if saturated:
        trajectories[:, -saturated:] = trajectories[:, -saturated - 1 : -saturated]
    return trajectories


def sklearn_direction(rows, targets):
    return CCA(n_components=1, scale=False).fit(rows, targets).x_weights_[:, 0]


def sklearn_sample_wise(trajectories):
    targets = strength_targets(trajectories.shape[1])
    return np.stack([sklearn_direction(rows, targets) for rows in trajectories])


def sklearn_global(trajectories):
    clips, strengths, dim = trajectories.shape
    targets = np.tile(strength_targets(strengths), clips)
    return sklearn_direction(trajectories.reshape(-1, dim), targets)[None]


def our_sample_wise(trajectories):
    return sample_wise_directions(trajectories, threads=CORES)


def our_global(trajectories):
    return global_direction(trajectories, threads=CORES).vector[None]


def seconds_and_result(function, trajectories, blas_threads):
    with threadpool_limits(blas_threads):
        started_s = time.perf_counter()
        result = function(trajectories)
        return time.perf_counter() - started_s, result


def compare(name, theirs, ours, trajectories, repeats, target):
    ours(trajectories[:8])
    reference_s, our_s = ({1: np.inf, CORES: np.inf} for _ in range(2))
    for _ in range(repeats):
        for threads in reference_s:
            elapsed_s, expected = seconds_and_result(theirs, trajectories, threads)
            reference_s[threads] = min(reference_s[threads], elapsed_s)
            elapsed_s, found = seconds_and_result(ours, trajectories, threads)
            our_s[threads] = min(our_s[threads], elapsed_s)
    expected *= np.sign(np.einsum("nd,nd->n", expected, found))[:, None]
    return {
        "name": f"{name}: speed over scikit-learn's CCA",
        "shape": list(trajectories.shape),
        "sklearn_s": min(reference_s.values()),
        "sklearn_s_by_blas_threads": reference_s,
        "ours_s": min(our_s.values()),
        "ours_s_by_blas_threads": our_s,
        "cores": CORES,
        "unit": "x",
        **judged(min(reference_s.values()) / min(our_s.values()), target),
    }, {
        "name": f"{name}: largest difference from scikit-learn's CCA",
        "unit": "",
        **judged(float(np.abs(expected - found).max()), target and LARGEST_DIFFERENCE, at_most=True),
    }


def judged(value, target, at_most=False):
    """Return value, target in words, and whether it is met; nothing can be missed where there is none."""
    met = target is None or (value <= target if at_most else value >= target)
    words = "-" if target is None else f"{'<=' if at_most else '>='} {target:g}"
    return {"value": value, "target": words, "met": met}


def cases(quick):
    clips = 500 if quick else 5000
    yield "sample-wise", sklearn_sample_wise, our_sample_wise, curves(clips, 31, 512, 1e-2), 10
    yield "sample-wise, condition 1e4", sklearn_sample_wise, our_sample_wise, curves(500, 31, 512, 1e-4), None
    yield "sample-wise, saturating", sklearn_sample_wise, our_sample_wise, curves(500, 31, 512, 1e-2, 10), None
    yield "sample-wise, 31 x 2048", sklearn_sample_wise, our_sample_wise, curves(500, 31, 2048, 1e-2), None
    yield "global", sklearn_global, our_global, curves(72 if quick else 288, 31, 512, 0.3), 10
    if not quick:
        yield "global, 2048 dimensions", sklearn_global, our_global, curves(288, 31, 2048, 0.3), None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer trajectories; the ratios are rougher")
    quick = parser.parse_args().quick
    print(f"{'directions':32}{'sklearn s':>11}{'ours s':>9}{'ratio':>8}{'target':>8}{'difference':>12}")
    results = []
    for name, theirs, ours, trajectories, target in cases(quick):
        speed, difference = compare(name, theirs, ours, trajectories, 1 if trajectories.size > 1 << 24 else 3, target)
        results += [speed, difference]
        print(
            f"{name:32}{speed['sklearn_s']:11.3f}{speed['ours_s']:9.3f}{speed['value']:8.1f}"
            f"{speed['target']:>8}{difference['value']:12.1e}",
            flush=True,
        )
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
