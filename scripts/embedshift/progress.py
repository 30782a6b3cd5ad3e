"""Progress of long work, with an estimate of the time left, as lines of the job's log."""

import logging
import time

LOGGER = logging.getLogger("embedshift")


class Progress:
    """Count finished items and log a line at most every `interval_s` seconds."""

    def __init__(self, total: int, what: str, interval_s: float = 5.0) -> None:
        self.total = total
        self.what = what
        self.interval_s = interval_s
        self.done = 0
        self._started_s = self._last_line_s = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Add `count` finished items."""
        self.done += count
        now_s = time.monotonic()
        if now_s - self._last_line_s >= self.interval_s or self.done >= self.total:
            self._last_line_s = now_s
            LOGGER.info("%s", self._line(now_s - self._started_s))

    def _line(self, elapsed_s: float) -> str:
        rate = self.done / max(elapsed_s, 1e-9)
        left_s = (self.total - self.done) / max(rate, 1e-9)
        return f"{self.done} of {self.total} {self.what}, {rate:.1f} per second, about {left_s:.0f} s left"
