"""Where the network runs, how many clips fit there at once, and with how many threads.

Nothing here is part of a row's identity except the arithmetic set by `exact_float32`: device, batch size and number
of threads move embeddings by rounding only.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedshift.errors import UserError

LOGGER = logging.getLogger("embedshift")

DEVICES = ("auto", "cpu", "cuda")
CPU_BATCH_SIZE = 8
"""Clips a batch on a CPU: larger ones leave the caches and gain nothing."""
LARGEST_BATCH_SIZE = 256
SHARE_OF_FREE_MEMORY = 0.5
"""Libraries choose other algorithms, with other workspaces, at other batch sizes: half of the memory stays free."""
GPU_DRIVER_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")


def choose_device(wanted: str) -> str:
    """Return `cpu` or `cuda`; `auto` is `cuda` when torch sees such a device.

    Raises
    ------
    UserError
        If `wanted` is no device, or CUDA is asked for and torch sees none.
    """
    if wanted not in DEVICES:
        raise UserError(f"embedding.device: found {wanted!r}; allowed: {', '.join(DEVICES)}.")
    if wanted == "cpu":
        return "cpu"
    if _sees_cuda():
        return "cuda"
    if wanted == "cuda":
        raise UserError(
            "embedding.device: asked for cuda, but torch sees no CUDA device here; allowed: auto, cpu, or cuda where "
            "there is one. Check the driver with nvidia-smi, and that the installed torch was built for CUDA."
        )
    return "cpu"


def has_gpu_driver() -> bool:
    """Return whether Linux shows the driver of a GPU; needs no torch, so that the Snakefile may ask."""
    return any(Path(node).exists() for node in GPU_DRIVER_NODES)


def _sees_cuda() -> bool:
    """Ask torch, but spare its import (seconds) on a Linux machine without any driver of a GPU."""
    if sys.platform == "linux" and not has_gpu_driver():
        return False
    import torch

    return torch.cuda.is_available()


def exact_float32(device: str) -> None:
    """Make float32 mean float32 on a GPU: no TF32 products, and the same convolution algorithm each time."""
    if device != "cuda":
        return
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def choose_batch_size(wanted: str | int, device: str, measure_clip_bytes: Callable[[], int]) -> int:
    """Return how many clips a batch holds at most.

    Parameters
    ----------
    wanted : a number, or `auto`: 8 on a CPU, on a GPU the power of two (256 at most) that fits half the free memory
    measure_clip_bytes : asked on a GPU only: device memory in bytes that one clip needs
    """
    if wanted != "auto":
        if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
            raise UserError(f"embedding.batch_size: found {wanted!r}; allowed: auto, or a whole number from 1.")
        return wanted
    if device != "cuda":
        return CPU_BATCH_SIZE
    return fitting_batch_size(_free_bytes(), measure_clip_bytes())


def fitting_batch_size(free_bytes: int, clip_bytes: int) -> int:
    """Return the largest power of two, from 1 to 256, of clips of `clip_bytes` that half of `free_bytes` holds."""
    fitting = int(SHARE_OF_FREE_MEMORY * free_bytes) // max(clip_bytes, 1)
    return min(LARGEST_BATCH_SIZE, 1 << max(fitting.bit_length() - 1, 0))


def _free_bytes() -> int:
    import torch

    return torch.cuda.mem_get_info()[0]


def peak_bytes_of(work: Callable[[], object]) -> int:
    """Return by how much `work()` raises the peak of torch's memory on the GPU, in bytes."""
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception says that memory (of the device or of the machine) ran out.

    torch.cuda.OutOfMemoryError is a RuntimeError; the allocator of the CPU raises a plain one.
    """
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def release_memory() -> None:
    """Give torch's cached device memory back after a failed allocation."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Run every library single-threaded inside: batches run side by side in Python threads instead.

    A batch's numbers then do not depend on the number of cores. Call `use_one_thread` at the start of each thread too.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else None
    with threadpool_limits(limits=1):
        use_one_thread()
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


def use_one_thread() -> None:
    """Set torch and the OpenMP and BLAS libraries to one thread for work started by this thread."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
        with suppress(RuntimeError):  # may be set once only, and changes no number: eager calls do not use it
            torch.set_num_interop_threads(1)
