"""The log of one job: every line into the rule's log file, mistakes of the user without a traceback."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedshift.errors import UserError
from embedshift.orphans import end_with_the_run

LOGGER = logging.getLogger("embedshift")


@contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Send log lines to `path` and to stderr while the block runs; end the process with status 1 on an error.

    A `UserError` is written as its text alone. Any other exception is a defect of embedshift: its traceback goes
    to the log as well.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)]
    _attach(handlers)
    end_with_the_run()
    try:
        yield LOGGER
    except UserError as error:
        LOGGER.error("%s", error)
        sys.exit(1)
    except Exception:
        LOGGER.exception("This is a defect of embedshift, not a mistake of yours; please report it with this log.")
        sys.exit(1)
    finally:
        _detach(handlers)


def _attach(handlers: list[logging.Handler]) -> None:
    handlers[1].setLevel(logging.WARNING)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
        LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handlers[0])


def _detach(handlers: list[logging.Handler]) -> None:
    for handler in handlers:
        LOGGER.removeHandler(handler)
        logging.getLogger("py.warnings").removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)
