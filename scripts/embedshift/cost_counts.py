"""What a study still has to do, counted before it runs: clips, conditions to render, embeddings to compute."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedshift.index import index_dataset
from embedshift.indexed_clips import IndexedClip, read_index
from embedshift.store import read_attributes

CLEAN = "clean"
DONE, SHARED, TO_DO = "done", "shared", "to do"


@dataclass(frozen=True)
class DatasetCount:
    """The clips of one data set; `length_s` is that of one clip, `unprepared` the shards whose clips are to prepare."""

    clips: int
    length_s: float
    sample_rate_hz: int
    channels: int
    shards: int
    unprepared: int

    @property
    def clips_of_shard(self) -> float:
        """Return how many clips one job works on."""
        return self.clips / self.shards

    @property
    def samples_of_shard(self) -> int:
        """Return how many samples of each channel the clips of one job hold."""
        return int(self.clips_of_shard * self.length_s * self.sample_rate_hz)


@dataclass(frozen=True)
class EmbeddingFile:
    """One embedding file of a study: of which data set, model, condition and shard, where, and whether it is `DONE`.

    `SHARED` ones are taken from shared_embeddings: a short job without audio and network.
    """

    dataset: str
    model: str
    condition: str
    shard: str
    path: str
    state: str


def embedding_files(plan: Mapping[str, Any]) -> list[EmbeddingFile]:
    """Return the embedding files that a plan lists."""
    return [EmbeddingFile(*entry) for entry in plan["embeddings"]]


def audio_to_render(files: Sequence[EmbeddingFile], keeps_audio: bool, effected: str) -> list[tuple[str, str, str]]:
    """Return `(dataset, condition, shard)` of audio to render: an embedding needs it, or it is kept and not there."""
    wanted = {}
    for file in files:
        audio = Path(effected, file.dataset, f"{file.condition}{file.shard}.h5")
        if file.condition != CLEAN and (file.state == TO_DO or (keeps_audio and not audio.exists())):
            wanted[file.dataset, file.condition, file.shard] = None
    return list(wanted)


def count_dataset(dataset: Mapping[str, Any], scratch: Path) -> tuple[DatasetCount, list[IndexedClip]]:
    """Return the counts of one data set, and its clips as its reader lists them.

    Parameters
    ----------
    dataset : paths `listing` and `manifest`, the settings of index_dataset and prepare_clips, and `clean`,
        `{path: [settings, code]}` of the prepared clips
    scratch : folder in which the index is made, so that nothing of the results is touched
    """
    index = scratch / "index.csv"
    index_dataset(dataset["listing"], index, scratch / "index_notes.csv", dataset["index_settings"])
    clips = read_index(index)
    preparation = json.loads(dataset["preparation_settings"])["preparation"]
    unprepared = sum(not _is_prepared(path, *made_by, dataset["listing"]) for path, made_by in dataset["clean"].items())
    manifest = Path(dataset["manifest"])
    rows = _manifest_durations(manifest) if not unprepared and manifest.exists() else []
    lengths = rows or [clip.duration_s for clip in clips if clip.duration_s]
    length_s = preparation.get("length_s") or (sum(lengths) / len(lengths) if lengths else 0.0)
    channels = 2 if preparation["channels"] == "stereo" else 1
    count = len(rows) or len(clips)
    shards = len(dataset["clean"])
    return DatasetCount(count, length_s, preparation["sample_rate_hz"], channels, shards, unprepared), clips


def _is_prepared(clean: str, settings: str, code: str, listing: str) -> bool:
    """Return whether prepared clips are there, made from the present listing, settings and code."""
    if not Path(clean).exists() or Path(clean).stat().st_mtime < Path(listing).stat().st_mtime:
        return False
    found = read_attributes(clean)
    return found.get("settings") == settings and found.get("code") == code


def _manifest_durations(manifest: Path) -> list[float]:
    with open(manifest, newline="", encoding="utf-8") as file:
        return [float(row["duration_s"] or 0) for row in csv.DictReader(file)]
