"""Effects as a published study rendered them: plugins that remember the clip before, and 16-bit files.

Deng, Wang, Richard and McFee (ICASSP 2025) made one pedalboard for the whole data set, fed it the files in the order of
their paths, a second at a time, and never reset it; scipy filters had each file as a whole. Every effected file was
written with 16 bits. See `compatibility.py` for the names of these quirks.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.csv_rows import read_csv_rows
from embedshift.effects import BUFFER_SIZE, FEWEST_SAMPLES, apply_chain, plugin_maker, prepare_chain
from embedshift.errors import UserError
from embedshift.store import AudioReader

INT32_PEAK = 2147483647
CHUNK_S = 1


def render_as_published(
    reader: AudioReader, condition: Mapping[str, Any], manifest: str | Path
) -> Iterator[np.ndarray]:
    """Yield each clip of `reader` at a condition, (n + tail, channels) float32, in the order of the clips.

    `manifest` says which file each clip comes from; with `state_leak` clips are rendered in the order of their files.

    Raises
    ------
    UserError
        If a plugin with `state_leak` returns another number of samples than it got, or a value is not finite.
    """
    quirks, chain = condition["compatibility"], condition["effect"]["chain"]
    if "state_leak" in quirks:
        board = LeakingBoard(chain, reader.sample_rate_hz, condition["strength"])
        rendered = in_clip_order(reader, file_order(reader.clip_id, manifest), board)
    else:
        rate_hz, strength, tail_s = reader.sample_rate_hz, condition["strength"], condition["tail_s"]
        rendered = (apply_chain(reader.read(row), rate_hz, chain, strength, tail_s) for row in range(len(reader)))
    for clip_id, samples in zip(reader.clip_id, rendered, strict=True):
        if not np.isfinite(samples).all():
            raise UserError(f"Clip {clip_id} has values that are not finite at strength {condition['strength_text']}.")
        yield as_int16_file(samples) if "int16_files" in quirks else samples


def as_int16_file(samples: np.ndarray) -> np.ndarray:
    """Return float32 samples as they come back from a 16-bit file that pedalboard wrote.

    Its writer (JUCE's; seen with 0.9.26) rounds to 32 bits, clipping, and keeps the upper 16: steps are rounded down,
    and samples above half of full scale, even those of a 16-bit file, lose one step.
    """
    whole = np.clip(np.rint(samples.astype(np.float64) * INT32_PEAK), -INT32_PEAK - 1, INT32_PEAK)
    return (np.floor(whole / 65536) / 32768).astype(np.float32)


def file_order(clip_id: Sequence[str], manifest: str | Path) -> list[int]:
    """Return the rows of the clips in the order of their paths, then of their starts.

    Raises
    ------
    UserError
        If the manifest lists other clips.
    """
    rows = read_csv_rows(manifest)
    if [row["clip_id"] for row in rows] != list(clip_id):
        raise UserError(f"{manifest} lists other clips than the audio. Delete the audio and start again.")
    return sorted(range(len(rows)), key=lambda row: (rows[row]["file"], float(rows[row]["start_s"])))


def in_clip_order(reader: AudioReader, order: Sequence[int], board: "LeakingBoard") -> Iterator[np.ndarray]:
    """Render clips in `order` and yield them in their own order; what has to wait lies in a file, not in memory."""
    if list(order) == sorted(order):
        yield from (board.run(reader.read(row)) for row in order)
        return
    places: dict[int, tuple[int, tuple[int, ...]]] = {}
    with tempfile.TemporaryFile() as scratch:
        for row in order:
            samples = board.run(reader.read(row))
            places[row] = (scratch.tell(), samples.shape)
            samples.tofile(scratch)
        for row in range(len(order)):
            place, shape = places[row]
            scratch.seek(place)
            yield np.fromfile(scratch, dtype=np.float32, count=int(np.prod(shape))).reshape(shape)


class LeakingBoard:
    """A chain whose plugins live on from one clip to the next."""

    def __init__(self, chain: Sequence[Mapping[str, Any]], sample_rate_hz: int, strength: float) -> None:
        self._rate_hz = sample_rate_hz
        self._steps = []
        for item in chain:
            make = plugin_maker(item, strength)
            if make:
                self._steps.append((item["processor"], make()))
            else:
                self._steps.append((item["processor"], prepare_chain([item], sample_rate_hz, strength)[0]))

    def run(self, samples: np.ndarray) -> np.ndarray:
        """Return one clip, (n, channels) float32, after the chain."""
        sound = np.array(samples.T, dtype=np.float32, order="C")
        for name, step in self._steps:
            if callable(getattr(step, "process", None)):
                sound = self._run_plugin(name, step, sound)
            else:
                step(sound, sound)
        return np.ascontiguousarray(sound.T)

    def _run_plugin(self, name: str, plugin: Any, sound: np.ndarray) -> np.ndarray:
        parts = []
        for start, stop in self._chunks(sound.shape[1]):
            part = plugin.process(sound[:, start:stop], self._rate_hz, buffer_size=BUFFER_SIZE, reset=False)
            if part.shape[1] != stop - start:
                raise UserError(
                    f"{name} delays the sound (of {stop - start} samples {part.shape[1]} came back): state_leak is for "
                    "plugins without a latency of their own. Leave it out of this effect's compatibility."
                )
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def _chunks(self, samples: int) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of the seconds; a rest too short for a call joins the second before."""
        step = CHUNK_S * self._rate_hz
        edges = [*range(0, samples, step), samples]
        if len(edges) > 2 and edges[-1] - edges[-2] < FEWEST_SAMPLES:
            del edges[-2]
        return zip(edges[:-1], edges[1:], strict=True)
