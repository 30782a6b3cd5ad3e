"""Device, batch size and threads: what is chosen, and what is refused."""

import pytest
import torch

from embedshift import device
from embedshift.errors import UserError


def test_auto_is_cuda_exactly_where_torch_sees_one():
    assert (device.choose_device("auto") == "cuda") == torch.cuda.is_available()


def test_auto_takes_the_gpu_that_is_seen(monkeypatch):
    monkeypatch.setattr(device, "_sees_cuda", lambda: True)
    assert device.choose_device("auto") == "cuda"
    assert device.choose_device("cpu") == "cpu"


@pytest.mark.parametrize(("wanted", "words"), [("cuda", "no CUDA device"), ("gpu", "allowed: auto, cpu, cuda")])
def test_a_device_that_is_not_there_is_refused(monkeypatch, wanted, words):
    monkeypatch.setattr(device, "_sees_cuda", lambda: False)
    with pytest.raises(UserError, match=words):
        device.choose_device(wanted)


def test_batch_size_is_the_number_given_or_8_on_a_cpu():
    assert device.choose_batch_size(5, "cpu", pytest.fail) == 5
    assert device.choose_batch_size("auto", "cpu", pytest.fail) == 8


@pytest.mark.parametrize("wanted", [0, -1, 2.5, True, "many"])
def test_a_batch_size_that_is_none_is_refused(wanted):
    with pytest.raises(UserError, match="embedding.batch_size"):
        device.choose_batch_size(wanted, "cpu", pytest.fail)


def test_batch_size_on_a_gpu_follows_from_free_memory(monkeypatch):
    monkeypatch.setattr(device, "_free_bytes", lambda: 8 << 30)
    assert device.choose_batch_size("auto", "cuda", lambda: 100 << 20) == 32  # half of 8 GiB holds 40 clips


@pytest.mark.parametrize(("free", "clip", "expected"), [(100, 1000, 1), (4000, 1000, 2), (10**12, 1000, 256)])
def test_fitting_batch_size_stays_within_its_bounds(free, clip, expected):
    assert device.fitting_batch_size(free, clip) == expected


def test_errors_of_real_allocators_are_told_from_others():
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(1 << 60)
    with pytest.raises(RuntimeError) as of_shapes:
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert device.is_out_of_memory(of_torch.value)
    assert device.is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert device.is_out_of_memory(MemoryError())
    assert not device.is_out_of_memory(of_shapes.value)
    assert not device.is_out_of_memory(ValueError("out of memory"))


def test_one_thread_each_holds_inside_and_is_undone_after():
    from threadpoolctl import threadpool_info

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with device.one_thread_each():
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
