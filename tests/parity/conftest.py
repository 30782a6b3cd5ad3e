"""The published packages in environments of their own (`make parity`), asked for numbers to compare with."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PARITY = Path(__file__).resolve().parent
REPOSITORY = PARITY.parents[1]
ENVIRONMENTS = Path(os.environ.get("EMBEDSHIFT_PARITY", REPOSITORY / ".parity"))


@pytest.fixture(scope="session")
def official() -> Callable[[str], Path]:
    """Return a function from an environment's name to its python; it skips where nobody made that environment."""

    def python_of(environment: str) -> Path:
        python = ENVIRONMENTS / environment / "bin" / "python"
        if not (ENVIRONMENTS / environment / ".ready").exists():
            pytest.skip(f"the published packages are not installed in {ENVIRONMENTS / environment}; type: make parity")
        return python

    return python_of


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Return a folder of sounds: recordings of instruments where they are at hand, else the bundled clips."""
    material = Path(os.environ.get("EMBEDSHIFT_TEST_MATERIAL", REPOSITORY.parent / "shared"))
    real = material / "data" / "fsdkaggle2018_instruments"
    return real if real.is_dir() else REPOSITORY / "data" / "demo"


@pytest.fixture
def run_official(official: Callable[[str], Path], tmp_path: Path) -> Callable[..., dict[str, np.ndarray]]:
    """Return a function that runs a published package on clips `{name: (samples,)}` and returns what it made of each.

    `module` is `embedshift.models.official_<name>` or a file of `tests/parity/wrappers`; `folder` is the working
    folder of the run, where packages look for tokenizers.
    """

    def run(
        environment: str,
        module: str | Path,
        weights: Path | None,
        clips: Mapping[str, np.ndarray],
        options: Mapping[str, Any] | None = None,
        folder: Path | None = None,
    ) -> dict[str, np.ndarray]:
        python = official(environment)
        place = tmp_path / f"official_{len(list(tmp_path.iterdir()))}"
        place.mkdir()
        request = {"weights": str(weights) if weights else None, "options": dict(options or {})}
        (place / "request.json").write_text(json.dumps(request), encoding="utf-8")
        np.savez(place / "clips.npz", **clips)
        command = [python, PARITY / "run_official.py", module, "request.json", "clips.npz", "output.npz"]
        command[3:] = [place / name for name in command[3:]]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PARITY / "stubs")}
        finished = subprocess.run(
            [str(part) for part in command], cwd=folder or place, env={**os.environ, **quiet},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr[-3000:]
        with np.load(place / "output.npz") as stored:
            return {name: stored[name] for name in stored.files}

    return run
