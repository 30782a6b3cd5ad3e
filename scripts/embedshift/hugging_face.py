"""A model of the Hugging Face hub as a folder: its configuration and its weights, fetched once, over plain HTTP.

Code that a repository may hold is never fetched, nor anything executed.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from embedshift.errors import UserError
from embedshift.model_folder import INDEX_SUFFIX, OPTIONAL, REQUIRED, WEIGHTS, list_model_files, shards_of
from embedshift.published_files import AbsentError, Obtained, UnfetchedError, obtain_file

LONGEST_REVISION = 40
HUB = "https://huggingface.co"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
REVISION = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*")


def obtain_model(source: dict[str, Any], folder: Path, name: str, needs_extractor: bool = False) -> list[Obtained]:
    """Return the verified files of a `source` of the kind hub (repository, revision), all in one folder.

    `folder` is data/weights, the files lie in its subfolder `hub/{org}--{name}`. Files put there by hand are taken;
    what is missing is fetched: configuration first, then safetensors if there are any, or else PyTorch's weights.
    With `needs_extractor`, files put there by hand are complete with the configuration of a feature extractor only.

    Raises
    ------
    UserError
        If a file cannot be had or has changed, or if the repository holds no weights that can be read.
    """
    repository, revision = source["repository"], source["revision"]
    if not (NAME.fullmatch(repository) and REVISION.fullmatch(revision)):
        raise UserError(f"{repository} at {revision} is no model of the hub: write <organisation>/<name>.")
    place = folder / subfolder_of(repository, revision)

    def obtain(file: str, may_be_absent: bool = False) -> Obtained:
        address = f"{HUB}/{repository}/resolve/{quote(revision, safe='')}/{file}"
        facts = {"kind": "url", "file": file, "address": address, "may_be_absent": may_be_absent}
        facts |= source.get("files", {}).get(file, {})
        return obtain_file(facts, folder, name, subfolder_of(repository, revision))

    try:
        if _is_complete(place, needs_extractor):
            return [obtain(file) for file in list_model_files(place)]
        obtained = [obtain(file) for file in REQUIRED]
        obtained += [found for file in OPTIONAL if (found := _unless_absent(obtain, file))]
        return sorted(obtained + _obtain_weights(obtain, repository))  # as list_model_files does
    except UnfetchedError as error:
        raise UnfetchedError(f"{error}\n{_all_files(source, place, needs_extractor)}") from error


def _all_files(source: dict[str, Any], place: Path, needs_extractor: bool) -> str:
    """Return which files of the model go where, so that one visit to its page is enough."""
    extractor = "one of these two at least" if needs_extractor else "optional"
    files = [*REQUIRED, *(f"{file} ({extractor})" for file in OPTIONAL)]
    files.append(f"{WEIGHTS[0]}, or where there is none {WEIGHTS[1]}; in parts: its {INDEX_SUFFIX} file and all parts")
    published = ", ".join(source.get("files", {}))
    honest = f"of {published} only" if published else "of none of them"
    return "\n".join([
        f"These are all files that the model needs, from {HUB}/{source['repository']}/tree/{source['revision']},",
        f"to be put into {place.resolve()}:",
        *(f"    {file}" for file in files),
        f"A checksum is published {honest}; the others are compared from now on, with what you put there.",
    ])  # fmt: skip


def subfolder_of(repository: str, revision: str) -> str:
    """Return the folder below data/weights: `hub/org--name`, with the revision's start where it is not main."""
    name = repository.replace("/", "--")
    return f"hub/{name}" if revision == "main" else f"hub/{name}--{revision.replace('/', '-')[:LONGEST_REVISION]}"


def _is_complete(place: Path, needs_extractor: bool) -> bool:
    try:
        files = list_model_files(place)
    except UserError:
        return False
    return not needs_extractor or any(file in OPTIONAL for file in files)


def _obtain_weights(obtain: Any, repository: str) -> list[Obtained]:
    for file in WEIGHTS:
        if whole := _unless_absent(obtain, file):
            return [whole]
        if index := _unless_absent(obtain, file + INDEX_SUFFIX):
            shards = shards_of(index.path.read_text(encoding="utf-8"), index.path)
            return [index, *(obtain(shard) for shard in shards)]
    raise UserError(
        f"The model {repository} of the Hugging Face hub holds no weights that can be read: neither "
        f"{' nor '.join(WEIGHTS)}, whole or in parts. Choose another model, or another revision."
    )


def _unless_absent(obtain: Any, file: str) -> Obtained | None:
    try:
        return obtain(file, may_be_absent=True)
    except AbsentError:
        return None
