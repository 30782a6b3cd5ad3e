"""From a model's settings to an adapter that is ready to run."""

import importlib
from pathlib import Path
from typing import Any

from embedshift.models.base import Adapter


def load_adapter(settings: dict[str, Any], weights_path: Path | None, device: str, precision: str) -> Adapter:
    """Return the adapter that resolved `settings` (catalog.check_model) name, its weights loaded strictly.

    The module is the part of `adapter` before a colon (the catalog is not asked here: a new entry in it must not
    make old embeddings again). What follows the colon, a plug-in's specification, is handed on as an option.

    Raises
    ------
    UserError
        If the weights are not there or do not fit the network.
    """
    family, _, specification = settings["adapter"].partition(":")
    options = dict(settings["options"])
    if specification:
        options["specification"] = specification
    prefix = "official_" if settings.get("backend") == "official" else ""
    module = importlib.import_module(f"embedshift.models.{prefix}{family}")
    return module.load(weights_path, options, device, precision)
