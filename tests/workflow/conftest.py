"""One finished small study, made once; each test takes a copy of it."""

import pytest
from workflow.working_copy import WorkingCopy


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory):
    """Return a working copy in which the small study is done. Do not change it."""
    made = WorkingCopy.create(tmp_path_factory.mktemp("finished") / "copy")
    made.run()
    return made


@pytest.fixture
def study(finished_study, tmp_path):
    """Return a copy of the finished study that a test may change."""
    return finished_study.copy(tmp_path / "copy")
