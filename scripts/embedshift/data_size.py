"""How much sound a data set holds, as far as its listing tells before a single file is decoded.

Standard library only: the Snakefile asks, for the resources of jobs on a cluster. An overestimate costs a longer wait
in the queue, an underestimate a second attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedshift.errors import UserError
from embedshift.listing import is_sound_file, locate_table, read_listing

CLIPS_OF_UNSEEN_DATA = 10_000
"""Of a data set that is to be fetched and has no listing yet."""
MEGABYTE = 1e6
BYTES_PER_S = {".wav": 88_200, ".aiff": 88_200, ".aif": 88_200, ".flac": 40_000, ".mp3": 8_000, ".ogg": 8_000}
"""Slow rates, so that files are taken to be rather too long: 16-bit mono at 44.1 kHz, 64 kbit/s."""


@dataclass(frozen=True)
class DataSize:
    """Clips of a data set, their mean length in seconds, and the rate and channels to which they are prepared."""

    clips: int
    clip_s: float
    sample_rate_hz: int = 44100
    channels: int = 1

    @property
    def audio_s(self) -> float:
        """Return the length of all clips together."""
        return self.clips * self.clip_s

    @property
    def clip_mb(self) -> float:
        """Return the memory of one clip's float32 samples in megabytes."""
        return self.clip_s * self.sample_rate_hz * self.channels * 4 / MEGABYTE

    @property
    def audio_mb(self) -> float:
        """Return the size of one condition's audio on disk in megabytes."""
        return self.clips * self.clip_mb

    def share(self, parts: int) -> "DataSize":
        """Return the size of one of so many equal parts."""
        return DataSize(-(-self.clips // max(parts, 1)), self.clip_s, self.sample_rate_hz, self.channels)


def size_of(dataset: Mapping[str, Any], listing: Path) -> DataSize:
    """Return the size of a data set from its settings and its listing.csv (which need not be there yet).

    A label table may cut several clips from a file: the larger count is taken.
    """
    preparation = dataset["preparation"]
    sounds = [entry for entry in read_listing(listing) if is_sound_file(entry.file)] if listing.exists() else []
    clips = max(len(sounds), _rows_of_table(dataset)) if sounds else CLIPS_OF_UNSEEN_DATA
    return DataSize(
        clips=clips,
        clip_s=preparation["length_s"] if preparation["length_rule"] != "whole" else _mean_length_s(sounds, clips),
        sample_rate_hz=preparation["sample_rate_hz"],
        channels=2 if preparation["channels"] == "stereo" else 1,
    )


def _rows_of_table(dataset: Mapping[str, Any]) -> int:
    """Return how many lines a label table has, 0 without one; a missing one is told by who reads it."""
    if not dataset["table"]:
        return 0
    try:
        with open(locate_table(Path(dataset["folder"]).expanduser(), dataset["table"]), "rb") as table:
            return sum(1 for _ in table) - 1
    except (UserError, OSError):
        return 0


def _mean_length_s(sounds: list, clips: int) -> float:
    total_s = sum(entry.size_bytes / BYTES_PER_S[Path(entry.file).suffix.lower()] for entry in sounds)
    return total_s / clips if sounds else 10.0
