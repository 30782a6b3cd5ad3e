"""Where windows of one length begin: side by side, and the last one ends with the clip."""


def window_starts(n_samples: int, window: int) -> list[int]:
    """Return the first samples of the windows of a clip of `n_samples`; a clip that is no longer than one has one."""
    last = max(n_samples - window, 0)
    return [*range(0, last, window), last]
