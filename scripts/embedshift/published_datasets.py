"""Data sets that can be fetched: from where, with which checksum, under which licence.

Standard library only: the Snakefile imports this module.
"""

from collections.abc import Mapping
from typing import Any

PUBLISHED_DATASETS: dict[str, dict[str, Any]] = {
    # md5 as Zenodo states it, and mirdata with it; the size is not published with it
    "irmas": {
        "kind": "url",
        "file": "IRMAS-TrainingData.zip",
        "address": "https://zenodo.org/records/1290750/files/IRMAS-TrainingData.zip?download=1",
        "checksum": {"kind": "md5", "value": "4fd9f5ed5a18d8e2687e6360b5f60afe"},
        "root": "IRMAS-TrainingData",
        "licence": "CC BY-NC-SA 3.0",
        "citation": "Bosch, Janer, Fuhrmann and Herrera, A Comparison of Sound Segregation Techniques for Predominant "
        "Instrument Recognition in Musical Audio Signals, ISMIR 2012",
    }
}


def identity_of(name: str) -> Mapping[str, str]:
    """Return what tells the content of a data set: its checksum."""
    return PUBLISHED_DATASETS[name]["checksum"]
