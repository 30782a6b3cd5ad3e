"""Fixtures that every test may use, and how several test workers share the tests."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]
LONG_FIRST = {"slurm": 0, "workflow": 1, "parity": 2}
"""Folders that several test workers take first, so that no long file is left to the end."""
ONE_AT_A_TIME = ("slurm",)
"""Folders whose tests stand on one thing that this machine has once."""


def pytest_collection_modifyitems(items):
    """Begin with the long tests where several workers share them (`pytest -n 2`, as `make test` does)."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: LONG_FIRST.get(item.path.parent.name, len(LONG_FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each worker whole files, so that their fixtures are made once; some folders as a whole."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = Path(nodeid.partition("::")[0])
            return file.parent.name if file.parent.name in ONE_AT_A_TIME else str(file)

    config.option.loadscopereorder = False
    return ByFile(config, log)


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
