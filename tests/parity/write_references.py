"""A developer's command: write what published packages with published weights make of the check signals.

    <python with the package> tests/parity/write_references.py musicnn|crepe

musicnn: tensorflow-cpu 2.15.1, keras 2.15.0, numpy 1.26.4, librosa 0.10.2.post1, then musicnn 0.1.0 without what it
declares; on numpy 2 the package gives wrong numbers. crepe: torchcrepe 0.0.24 on torch 2.13.0. The result goes to
`scripts/embedshift/models/references/<adapter>.json`, which `snakemake verify_models` compares with.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
REFERENCES = SCRIPTS / "embedshift" / "models" / "references"
RATE_HZ = 16_000


def musicnn_cases(signals):
    """Return the mean over patches of every layer of the four published checkpoints."""
    import soundfile
    from musicnn import configuration, extractor

    configuration.BATCH_SIZE = 64  # with the released size of 1, later patches repeat the first one's features
    with tempfile.TemporaryDirectory() as folder:
        for checkpoint in ("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"):
            layers = {}
            for name, samples in signals.items():
                file = f"{folder}/{name}.wav"
                soundfile.write(file, samples, RATE_HZ, subtype="FLOAT")
                taggram, _, features = extractor.extractor(file, model=checkpoint, extract_features=True)
                for layer, values in {"taggram": taggram, **features}.items():
                    layers.setdefault(layer, {})[name] = np.asarray(values, dtype=np.float64)
            wanted = (
                ("pool5", "taggram") if "vgg" in checkpoint else ("penultimate", "mean_pool", "max_pool", "taggram")
            )
            for layer in wanted:
                means = {name: values.reshape(len(values), -1).mean(axis=0) for name, values in layers[layer].items()}
                yield {"checkpoint": checkpoint, "layer": layer}, means


def crepe_cases(signals):
    """Return the mean over frames of both published networks."""
    import torch
    import torchcrepe

    for capacity, hop_s in (("tiny", 0.05), ("full", 0.05)):
        means = {}
        for name, samples in signals.items():
            with torch.no_grad():
                frames = torchcrepe.embed(torch.from_numpy(samples)[None], RATE_HZ, round(RATE_HZ * hop_s), capacity)
            means[name] = frames.reshape(frames.shape[1], -1).double().mean(dim=0).numpy()
        yield {"capacity": capacity, "hop_s": hop_s}, means


MAKERS = {"musicnn": (musicnn_cases, ("musicnn", "tensorflow-cpu", "numpy", "librosa")),
          "crepe": (crepe_cases, ("torchcrepe", "torch", "numpy"))}  # fmt: skip


def main(adapter):
    """Write one adapter's file."""
    sys.path.insert(0, str(SCRIPTS))
    from embedshift.check_signals import check_signals

    cases_of, packages = MAKERS[adapter]
    made_with = f"{packages[0]} {version(packages[0])}"
    cases = [
        {
            "options": options,
            "made_with": made_with,
            "tolerance": 1e-4,
            "embeddings": {name: [float(f"{value:.7g}") for value in values] for name, values in means.items()},
        }
        for options, means in cases_of(check_signals(RATE_HZ))
    ]
    facts = {"made_with": ", ".join(f"{package} {version(package)}" for package in packages), "cases": cases}
    REFERENCES.mkdir(exist_ok=True)
    (REFERENCES / f"{adapter}.json").write_text(json.dumps(facts, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
