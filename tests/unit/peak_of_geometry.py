"""Print the peak memory of the geometry of a made sweep (clips as argument); run by test_geometry.py in a process."""

import json
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift import displaced_dimensions, frechet, least_squares, parallel_analysis, sample_wise, sweep_shape
from embedshift.geometry import geometry_rows
from embedshift.geometry_settings import GeometrySettings
from embedshift.sweep import Sweep

STRENGTHS, DIM = 34, 512


def main(clips: int) -> None:
    """Measure a sweep of so many clips, with small blocks, so that what grows is what holds the sweep again."""
    parallel_analysis.MOST_ROWS = 64
    displaced_dimensions.BLOCK_ROWS = 256
    sample_wise.CHUNK_VALUES = sweep_shape.CHUNK_VALUES = least_squares.BLOCK_VALUES = 1 << 16
    frechet.DRAWS = 1
    trajectories = np.empty((clips, STRENGTHS, DIM), dtype=np.float32)
    rng = np.random.default_rng(1)
    for clip in range(clips):
        trajectories[clip] = rng.standard_normal((STRENGTHS, DIM)) + np.arange(STRENGTHS)[:, None] / 10
    names = np.array([f"clip{clip}" for clip in range(clips)])
    clean = rng.standard_normal((clips, DIM)).astype(np.float32)
    sweep = Sweep(names, np.full(clips, "a"), names, clean, trajectories)
    numbers = {"folds": 2, "permutations": 2, "bootstrap": 20, "confidence": 0.95, "seed": 1}
    chosen = GeometrySettings(**numbers, ridge_share=0.1, neighbours=5, rotations=1, most_clips=4096)
    with threadpool_limits(1):
        rows = geometry_rows(sweep, [str(p) for p in range(STRENGTHS)], chosen)
        number = sum(1 for _ in rows)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": number, "peak_mb": peak_mb, "sweep_mb": trajectories.nbytes / 2**20}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
