"""Erasers to and from HDF5, bit for bit: any number of them in one file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.erasers.augmentation import AugmentationMap
from embedshift.erasers.eraser import EnergyRemoved, Eraser
from embedshift.erasers.learned_map import LearnedMap
from embedshift.erasers.linear_map import LinearMap
from embedshift.erasers.training_clips import FittedOn
from embedshift.errors import UserError
from embedshift.store import read_arrays, write_arrays

MAPS = {kind.kind: kind for kind in (LinearMap, LearnedMap, AugmentationMap)}


def write_erasers(path: str | Path, erasers: Mapping[str, Eraser], attributes: Mapping[str, Any]) -> None:
    """Write erasers by key (no dots or slashes in it), their arrays as `key.array`, with what made the file."""
    arrays = {f"{key}.{name}": array for key, eraser in erasers.items() for name, array in eraser.map.arrays().items()}
    arrays["eraser"] = np.array(list(erasers), dtype=object)
    arrays["description"] = np.array([_describe(eraser) for eraser in erasers.values()], dtype=object)
    write_arrays(path, arrays, attributes)


def read_erasers(path: str | Path) -> dict[str, Eraser]:
    """Return the erasers of a file by key, in the order written.

    Raises
    ------
    UserError
        If the file does not hold erasers.
    """
    arrays, _ = read_arrays(path)
    if not {"eraser", "description"} <= arrays.keys():
        raise UserError(f"{path} holds no erasers. Delete it and start the same command again: it is made anew.")
    return {
        str(key): _restore(json.loads(str(description)), _arrays_of(str(key), arrays))
        for key, description in zip(arrays["eraser"], arrays["description"], strict=True)
    }


def _arrays_of(key: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{key}."): array for name, array in arrays.items() if name.startswith(f"{key}.")}


def _describe(eraser: Eraser) -> str:
    described = {name: getattr(eraser, name) for name in ("name", "method", "seed")}
    described |= {"options": dict(eraser.options), "details": dict(eraser.details), "kind": eraser.map.kind}
    described |= {"energy_removed": asdict(eraser.energy_removed), "fitted_on": asdict(eraser.fitted_on)}
    return json.dumps(described, sort_keys=True)


def _restore(described: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Eraser:
    kind = MAPS[described.pop("kind")]
    described["energy_removed"] = EnergyRemoved(**described["energy_removed"])
    described["fitted_on"] = FittedOn(**described["fitted_on"])
    return Eraser(map=kind.from_arrays(arrays), **described)
