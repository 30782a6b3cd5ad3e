"""Functions compiled to machine code by numba, which run without Python's lock: several threads at once."""

from collections.abc import Callable

from numba import njit


def compiled(function: Callable) -> Callable:
    """Compile at the first call; keep the machine code on disk where there is a place to write it.

    Sums are taken in whatever order is fastest, which is the same in every call: results do not depend on threads.
    A compiled function may only call compiled functions of its own module: numba sees no edit of another file.
    """
    options = {"nogil": True, "fastmath": {"reassoc", "contract"}}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no writable folder, as in some containers
        return njit(**options)(function)
