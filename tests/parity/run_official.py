"""Run by the python of a parity environment: the published package on given clips, through one interface.

    python run_official.py <module or file.py> <request.json> <clips.npz> <output.npz>

The module's `load(weights_path, options, device, precision)` returns an object whose `embed` takes a batch of one clip,
float32 `(1, samples)` at the model's rate, and works in the package's own way. The output holds what `embed` returned
under each clip's name, and `seconds`: the time that embedding took in all, after one clip that is not counted; with
`"batch": n` in the request the shorter of this and of batches of n clips, which must then be of one length.
"""

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def load_module(name: str):
    """Return the module `name`, which is a file where it ends in `.py`."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    specification = importlib.util.spec_from_file_location(Path(name).stem, name)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def main(name: str, request: str, clips: str, output: str) -> None:
    """Embed every array of `clips` and write the results."""
    asked = json.loads(Path(request).read_text(encoding="utf-8"))
    weights = Path(asked["weights"]) if asked.get("weights") else None
    model = load_module(name).load(weights, asked.get("options", {}), "cpu", "float32")
    with np.load(clips) as stored:
        samples = {key: stored[key] for key in stored.files}
    model.embed(next(iter(samples.values()))[None])
    started_s = time.perf_counter()
    embedded = {key: model.embed(clip[None]) for key, clip in samples.items()}
    seconds = time.perf_counter() - started_s
    if asked.get("batch"):
        seconds = min(seconds, seconds_in_batches(model, np.stack(list(samples.values())), asked["batch"]))
    np.savez(output, seconds=np.array(seconds), **embedded)


def seconds_in_batches(model, clips, size):
    """Return how long the package takes for `clips (clips, samples)` in batches of `size`."""
    started_s = time.perf_counter()
    for start in range(0, len(clips), size):
        model.embed(clips[start : start + size])
    return time.perf_counter() - started_s


if __name__ == "__main__":
    sys.path.insert(0, str(SCRIPTS))
    main(*sys.argv[1:])
