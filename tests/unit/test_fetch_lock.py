"""One job fetches at a time; where there are no locks, each goes on."""

import errno
import fcntl
import threading

import pytest

from embedshift.fetch_lock import one_job_at_a_time


def test_a_second_one_waits(tmp_path):
    order = []

    def second():
        with one_job_at_a_time(tmp_path / "weights"):
            order.append("second")

    with one_job_at_a_time(tmp_path / "weights"):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_it_goes_on(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with one_job_at_a_time(tmp_path / "weights"):
        (tmp_path / "weights").write_text("whole")
    assert (tmp_path / "weights").read_text() == "whole"
