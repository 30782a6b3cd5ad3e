"""What was changed in the future is changed now, in the same order; nothing else is touched."""

import os
import time

from embedshift.future_stamps import bring_back_future_stamps

DAY_S = 86400


def make(path, ahead_s):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (time.time() + ahead_s,) * 2)
    return path


def test_the_order_of_future_files_stays_and_equal_times_stay_equal(tmp_path):
    names = {"z": DAY_S, "b/y": DAY_S + 5, "a/x": 2 * DAY_S}
    future = [make(tmp_path / name, ahead_s) for name, ahead_s in names.items()]
    twin = make(tmp_path / "twin", 0)
    os.utime(twin, ns=(future[0].stat().st_mtime_ns,) * 2)
    old = make(tmp_path / "old", -DAY_S)
    old_s = old.stat().st_mtime
    assert bring_back_future_stamps(tmp_path) == 4
    times_s = [path.stat().st_mtime for path in future]
    assert times_s == sorted(times_s)
    assert len(set(times_s)) == 3
    assert twin.stat().st_mtime == times_s[0]
    assert old.stat().st_mtime == old_s
    assert all(time.time() - 10 < moved_s <= time.time() for moved_s in times_s)


def test_a_present_that_is_in_order_is_left_alone(tmp_path):
    path = make(tmp_path / "a", 0)
    before_ns = path.stat().st_mtime_ns
    assert bring_back_future_stamps(tmp_path) == 0
    assert path.stat().st_mtime_ns == before_ns
    assert bring_back_future_stamps(tmp_path / "not there") == 0
