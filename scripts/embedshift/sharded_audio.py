"""The clips of a data set, whatever number of files they lie in, in the order of its manifest."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from embedshift.errors import UserError
from embedshift.shards import as_list, rows_of_shards
from embedshift.store import AudioReader


class ShardedAudio:
    """Reads clips of one or several audio files by their row in `clip_id`, the clips of the manifest.

    Raises
    ------
    UserError
        If the files hold other clips.
    """

    def __init__(self, files: str | Path | Sequence[str | Path], clip_id: Sequence[str]) -> None:
        self.clip_id = list(clip_id)
        self.silent = np.zeros(len(self.clip_id), dtype=bool)
        self._place: list[tuple[int, int]] = [(0, 0)] * len(self.clip_id)
        paths = as_list(files)
        with ExitStack() as opened:
            self._readers = [opened.enter_context(AudioReader(path)) for path in paths]
            for number, rows in enumerate(rows_of_shards(self.clip_id, len(paths))):
                self._take(number, rows)
            self._files = opened.pop_all()
        self.sample_rate_hz = self._readers[0].sample_rate_hz

    def _take(self, number: int, rows: Sequence[int]) -> None:
        reader = self._readers[number]
        if reader.clip_id != [self.clip_id[row] for row in rows]:
            raise UserError(
                f"{reader.path} holds other clips than the manifest of its data set. Delete the file and start the "
                "same command again: it is made anew."
            )
        self.silent[list(rows)] = reader.silent
        for place, row in enumerate(rows):
            self._place[row] = (number, place)

    def read(self, row: int) -> np.ndarray:
        """Return one clip, (samples, channels) float32."""
        number, place = self._place[row]
        return self._readers[number].read(place)

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all files."""
        self._files.close()
