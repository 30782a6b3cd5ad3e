"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator with a fixed seed."""
    return np.random.default_rng(20220419)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


def _beside(kind: str) -> Path:
    shared = Path(os.environ.get("EMBEDSHIFT_TEST_MATERIAL", REPOSITORY.parent / "shared"))
    if not (shared / kind).is_dir():
        pytest.skip(
            f"no test material at {shared / kind}; set EMBEDSHIFT_TEST_MATERIAL to the folder that holds {kind}/"
        )
    return shared / kind


@pytest.fixture(scope="session")
def real_recordings() -> Path:
    """Return the folder of real recordings beside the checkout, or skip, saying so."""
    return _beside("data")


@pytest.fixture(scope="session")
def golden_values() -> Path:
    """Return the folder of published reference values beside the checkout, or skip, saying so."""
    return _beside("reference")
