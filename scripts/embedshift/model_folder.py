"""Which files of a Hugging Face model folder are read: configuration, and one set of weights.

Imported by the Snakefile: standard library only.
"""

import json
from pathlib import Path

from embedshift.errors import UserError

REQUIRED = ("config.json",)
OPTIONAL = ("preprocessor_config.json", "processor_config.json")
# whole or in parts, in order of preference: safetensors first, since nothing in them is ever unpickled
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
INDEX_SUFFIX = ".index.json"


def list_model_files(folder: str | Path) -> list[str]:
    """Return the sorted names of the files of the model in `folder`: its configuration and its weights.

    Raises
    ------
    UserError
        If the folder is not there, or is not a model folder as `save_pretrained` of transformers writes it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"The model folder {folder} {what} (looked for at {folder.absolute()}). Correct its path.")
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    weights = _find_weights(folder)
    if missing or not weights:
        wanted = [*missing, *([] if weights else [f"weights ({' or '.join(WEIGHTS)}, whole or in parts)"])]
        raise UserError(
            f"{folder} is not the folder of a Hugging Face model: {' and '.join(wanted)} missing. It holds: "
            f"{', '.join(sorted(entry.name for entry in folder.iterdir())) or 'nothing'}. Name the folder that "
            "holds config.json and the weights, as `save_pretrained` writes them."
        )
    chosen = [name for name in (*REQUIRED, *OPTIONAL) if (folder / name).is_file()]
    absent = [name for name in weights if not (folder / name).is_file()]
    if absent:
        raise UserError(f"The weights in {folder} are not whole: {', '.join(absent)} missing. Copy the whole folder.")
    return sorted(chosen + weights)


def _find_weights(folder: Path) -> list[str]:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [name]
        if (folder / (name + INDEX_SUFFIX)).is_file():
            index = folder / (name + INDEX_SUFFIX)
            return [index.name, *shards_of(index.read_text(encoding="utf-8"), index)]
    return []


def shards_of(index: str, where: object) -> list[str]:
    """Return the names of the parts that `index`, the JSON text of sharded weights, lists; `where` it was read.

    Raises
    ------
    UserError
        If it is not such an index, or names a file outside of the folder.
    """
    try:
        names = sorted(set(json.loads(index)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{where} is not an index of weights in parts: it has no `weight_map`.") from error
    if any(Path(name).name != name for name in names):
        raise UserError(f"{where} names files outside of the model's folder; such an index is not read.")
    return names
