"""Do the files on disk still say what the present config and code would make?

Snakemake's own records answer that as long as `.snakemake/` exists. Every HDF5 output also carries the settings and
the code digests that made it; comparing those works after the records were lost, or on a copied results folder.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedshift.errors import UserError
from embedshift.names import differences
from embedshift.store import read_attributes

LOGGER = logging.getLogger("embedshift")


def check_outputs(expected: Mapping[str, list[str]], command: str) -> None:
    """Compare each existing file with `{path: [settings, code]}`; name what is stale and the command that remakes it.

    `command` is how this study is run; the files to make again are added to it.

    Raises
    ------
    UserError
        If at least one file is stale or unreadable.
    """
    present = {path: made_by for path, made_by in expected.items() if Path(path).exists()}
    told = {path: list(reasons_stale(path, *made_by)) for path, made_by in present.items()}
    stale = {path: reasons for path, reasons in told.items() if reasons}
    LOGGER.warning("%d of %d files exist; %d of them are stale.", len(present), len(expected), len(stale))
    if stale:
        lines = [f"  {path}\n" + "\n".join(f"    {reason}" for reason in reasons) for path, reasons in stale.items()]
        raise UserError("Stale:\n" + "\n".join(lines) + "\nTo make them again, and what stands on them:\n"
                        f"  {command} --forcerun {' '.join(stale)}")  # fmt: skip


def reasons_stale(path: str, settings: str, code: str) -> Iterator[str]:
    """Yield one line for each difference between what a file says made it and what would make it now."""
    try:
        found = read_attributes(path)
    except UserError as error:
        yield str(error)
        return
    for kind, now in (("settings", settings), ("code", code)):
        yield from (f"{kind}: {line}" for line in differences(_parsed(found.get(kind)), _parsed(now)))


def _parsed(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        return text
