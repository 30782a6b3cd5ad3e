"""The original file of a model's weights, for the published packages, which read nothing else."""

import json
from pathlib import Path

from embedshift.errors import UserError


def official_original(weights_path: Path | None) -> Path:
    """Return the published checkpoint from which the safetensors file `weights_path` was converted.

    A path of another kind is a published checkpoint itself and comes back as it is.

    Raises
    ------
    UserError
        If there are no weights, or if the original that the receipt names is gone.
    """
    if weights_path is None:
        raise UserError("The official package needs a checkpoint; none was given.")
    path = Path(weights_path)
    if path.suffix != ".safetensors":
        return path
    receipt = path.with_name(f"{path.stem}.receipt.json")
    originals = json.loads(receipt.read_text(encoding="utf-8")).get("original", []) if receipt.exists() else []
    if not originals or not Path(originals[0]).exists():
        raise UserError(
            f"backend: official reads the original checkpoint of {path.name}, which its receipt {receipt} "
            f"{f'puts at {originals[0]}, but it is not there' if originals else 'does not name'}. Delete {path} and "
            "the receipt and start the same command again: the original is then fetched again."
        )
    return Path(originals[0])
