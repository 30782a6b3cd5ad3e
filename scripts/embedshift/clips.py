"""Decode, cut and loudness-normalise every clip of a data set; nothing is left out without a stated reason."""

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.atomic import write_atomically
from embedshift.decode import DecodedClip, decode_clip
from embedshift.errors import UserError
from embedshift.excerpt import Excerpt, UnusableClip
from embedshift.freshness import origin_of
from embedshift.indexed_clips import (
    MANIFEST_COLUMNS,
    SHARD_COLUMNS,
    IndexedClip,
    iterate_index,
    open_rows,
    read_excluded,
    read_notes,
    write_excluded,
    write_notes,
    write_remarks,
)
from embedshift.loudness import BLOCK_S, integrated_loudness, is_measurable, normalise
from embedshift.preparation_tally import Tally
from embedshift.prepared_shards import forget_prepared, note_prepared
from embedshift.progress import Progress
from embedshift.shards import shard_of
from embedshift.store import AudioWriter
from embedshift.stored_size import audio_bytes

LOGGER = logging.getLogger("embedshift")
READ_AHEAD_PER_THREAD = 4
SHOWN = 10


@dataclass(frozen=True)
class Preparation:
    """How clips are prepared; `target_lufs` None leaves the level as it is."""

    channels: str
    sample_rate_hz: int
    length_rule: str
    length_s: float | None
    target_lufs: float | None

    @property
    def output_channels(self) -> int:
        """Return the number of channels of every prepared clip."""
        return 2 if self.channels == "stereo" else 1


@dataclass(frozen=True)
class PreparedClip:
    """A clip ready for effects, `samples (n, channels)` float32, with what was found and done."""

    clip: IndexedClip
    samples: np.ndarray
    loudness_before_lufs: float
    gain_db: float
    loudness_after_lufs: float
    remarks: tuple[tuple[str, str], ...]  # (what is counted in the notes, text of the manifest)


@dataclass(frozen=True)
class ExcludedClip:
    """A clip that cannot be used, and why."""

    clip: IndexedClip
    kind: str
    reason: str


def prepare_clips(
    index: str | Path,
    folder: str | Path,
    clean: str | Path,
    manifest: str | Path,
    excluded: str | Path,
    notes: str | Path,
    settings: str,
    code: str,
    threads: int,
    index_notes: str | Path | None = None,
    index_excluded: str | Path | None = None,
) -> None:
    """Write clean.h5, manifest.csv, excluded.csv and notes.csv of one data set.

    excluded.csv begins with the clips that the reader left out (`index_excluded`). Of a data set in shards one shard is
    prepared: its manifest is without label, group and split, its notes hold how often each remark was made, and what
    the reader said is left to `joined_clips`. Clips are read, prepared and written one after the other.

    `settings` is JSON: `preparation` (see `Preparation`), `unusable_clips`, `exclude` or `stop`, and `shard`
    `[number, of]` where there are several. The results are the same bits for any number of threads.

    Raises
    ------
    UserError
        If no clip is left, a file is missing, or clips are unusable while `unusable_clips` is `stop`.
    """
    options = json.loads(settings)
    preparation = Preparation(**{key: options["preparation"].get(key) for key in Preparation.__dataclass_fields__})
    _require_measurable_length(preparation)
    work = partial(prepare_clip, folder=Path(folder).expanduser(), preparation=preparation)
    columns = SHARD_COLUMNS if "shard" in options else MANIFEST_COLUMNS
    forget_prepared(clean)
    tally, left_out = Tally(), []
    clips = tally.counted(_clips_to_prepare(index, options))
    total = sum(1 for _ in _clips_to_prepare(index, options))
    with (
        open_rows(manifest, columns) as write_row,
        write_atomically(clean, _needed_bytes(total, preparation)) as temporary,
        _open_writer(temporary, preparation, settings, code) as writer,
    ):
        for outcome in _in_order(work, clips, total, threads):
            if isinstance(outcome, ExcludedClip):
                left_out.append(outcome)
                tally.leave_out(outcome.clip, outcome.reason)
                continue
            _append(writer, outcome)
            row = _manifest_row(outcome, preparation.sample_rate_hz)
            write_row([row[column] for column in columns])
            tally.remarks.update(kind for kind, _ in outcome.remarks)
        _require_usable(left_out, total, options)
    before = read_excluded(index_excluded) if index_excluded else []
    write_excluded(excluded, [*before, *((e.clip.clip_id, e.clip.file, e.reason) for e in left_out)])
    if "shard" in options:
        write_remarks(notes, tally.remarks)
        note_prepared(clean, origin_of(settings, code))
    else:
        write_notes(notes, (read_notes(index_notes) if index_notes else []) + tally.sentences())


def _clips_to_prepare(index: str | Path, options: Mapping[str, Any]) -> Iterator[IndexedClip]:
    """Yield the clips of the data set, or of its shard, one by one."""
    number, shards = options.get("shard", (1, 1))
    return (clip for clip in iterate_index(index) if shard_of(clip.clip_id, shards) == number - 1)


def _needed_bytes(clips: int, preparation: Preparation) -> int:
    """Return the size of the prepared clips, 0 where it is known only after all files were read."""
    if preparation.length_rule != "pad" or not preparation.length_s:
        return 0
    samples = clips * int(preparation.length_s * preparation.sample_rate_hz)
    return audio_bytes(clips, samples, preparation.output_channels)


def prepare_clip(clip: IndexedClip, folder: Path, preparation: Preparation) -> PreparedClip | ExcludedClip:
    """Return the clip ready for effects, or why it cannot be used.

    Raises
    ------
    UserError
        If its file is missing.
    """
    excerpt = Excerpt(clip.start_s, clip.duration_s, preparation.length_rule, preparation.length_s)
    try:
        decoded = decode_clip(
            folder / clip.file, excerpt, channels=preparation.channels, sample_rate_hz=preparation.sample_rate_hz
        )
        samples, gain_db, before, after = _set_loudness(decoded.samples, preparation)
        _require_audible(before, decoded, preparation)
    except UnusableClip as unusable:
        return ExcludedClip(clip, unusable.kind, str(unusable))
    return PreparedClip(clip, samples, before, gain_db, after, _remarks(decoded, preparation))


def _in_order(
    work: Callable[[IndexedClip], PreparedClip | ExcludedClip], clips: Iterable[IndexedClip], total: int, threads: int
) -> Iterator[PreparedClip | ExcludedClip]:
    """Yield the outcome of each clip in order; at most a few clips a thread are ahead, so memory stays bounded."""
    progress = Progress(total, "clips prepared")
    pending: deque = deque()
    pool = ThreadPoolExecutor(max(1, threads))
    try:
        for clip in clips:
            pending.append(pool.submit(work, clip))
            if len(pending) >= READ_AHEAD_PER_THREAD * max(1, threads):
                yield pending.popleft().result()
                progress.advance()
        while pending:
            yield pending.popleft().result()
            progress.advance()
    finally:
        pool.shutdown(cancel_futures=True)


def _open_writer(path: Path, preparation: Preparation, settings: str, code: str) -> AudioWriter:
    return AudioWriter(
        path,
        sample_rate_hz=preparation.sample_rate_hz,
        channels=preparation.output_channels,
        attributes={"settings": settings, "code": code},
    )


def _append(writer: AudioWriter, prepared: PreparedClip) -> None:
    writer.append(
        prepared.clip.clip_id,
        prepared.samples,
        loudness_before_lufs=prepared.loudness_before_lufs,
        loudness_after_lufs=prepared.loudness_after_lufs,
    )


def _manifest_row(prepared: PreparedClip, sample_rate_hz: int) -> dict[str, str]:
    clip, samples = prepared.clip, prepared.samples
    return {
        **clip._asdict(),
        "start_s": repr(clip.start_s),
        "duration_s": format(len(samples) / sample_rate_hz, ".9g"),
        "audio_sha256": hashlib.sha256(samples.astype("<f4", copy=False).tobytes()).hexdigest(),
        "loudness_before_lufs": f"{prepared.loudness_before_lufs:.9g}",
        "gain_db": f"{prepared.gain_db:.9g}",
        "loudness_after_lufs": f"{prepared.loudness_after_lufs:.9g}",
        "peak": f"{np.abs(samples).max():.9g}",
        "note": "; ".join(text for _, text in prepared.remarks),
    }


def _set_loudness(samples: np.ndarray, preparation: Preparation) -> tuple[np.ndarray, float, float, float]:
    if not is_measurable(len(samples), preparation.sample_rate_hz):
        found_s = len(samples) / preparation.sample_rate_hz
        raise UnusableClip("too short", f"{found_s:.6g} s, but the loudness meter needs {BLOCK_S} s")
    if not np.isfinite(samples).all():
        raise UnusableClip("not finite", "samples overflow when channels are mixed or resampled")
    if preparation.target_lufs is not None:
        return normalise(samples, preparation.sample_rate_hz, preparation.target_lufs)
    loudness_lufs = integrated_loudness(samples, preparation.sample_rate_hz)
    return samples, 0.0, loudness_lufs, loudness_lufs


def _require_audible(loudness_lufs: float, decoded: DecodedClip, preparation: Preparation) -> None:
    if loudness_lufs > -np.inf:
        return
    mixed = f", after the mean of {decoded.source_channels} channels" if decoded.source_channels > 1 else ""
    peak = np.abs(decoded.samples).max()
    detail = f"nothing above -70 LUFS (peak {peak:.3g}{mixed if preparation.channels == 'mean' else ''})"
    raise UnusableClip("silent", detail)


def _remarks(decoded: DecodedClip, preparation: Preparation) -> tuple[tuple[str, str], ...]:
    remarks = []
    if decoded.clipped_runs:
        runs = f"clipped source: {decoded.clipped_runs} runs of 3 or more samples at full scale"
        remarks.append(("kept although the source is clipped", runs))
    if decoded.padded_s:
        remarks.append(("padded with silence at the end", f"padded with {decoded.padded_s:.6g} s of silence"))
    if decoded.missing_s:
        ends = f"the recording ends {decoded.missing_s:.6g} s before start_s + duration_s"
        remarks.append(("of a recording that ends before start_s + duration_s", ends))
    if decoded.source_rate_hz != preparation.sample_rate_hz:
        change = f"resampled from {decoded.source_rate_hz} Hz to {preparation.sample_rate_hz} Hz"
        remarks.append((change, change))
    if decoded.source_channels != preparation.output_channels:
        change = f"channels rule '{preparation.channels}' applied to {decoded.source_channels} channels"
        remarks.append((change, change))
    return tuple(remarks)


def _require_measurable_length(preparation: Preparation) -> None:
    if preparation.length_rule != "whole" and preparation.length_s < BLOCK_S:
        raise UserError(
            f"preparation.length_s is {preparation.length_s} s, but the loudness meter needs {BLOCK_S} s at least."
        )


def _require_usable(left_out: Sequence[ExcludedClip], total: int, options: Mapping[str, Any]) -> None:
    listed = "\n".join(f"{e.clip.file} (clip {e.clip.clip_id}): {e.reason}" for e in left_out[:SHOWN])
    more = f"\n... and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    if len(left_out) == total and "shard" not in options:
        raise UserError(f"None of the {total} clips can be used:\n{listed}{more}")
    if left_out and options.get("unusable_clips", "exclude") == "stop":
        raise UserError(
            f"{len(left_out)} of {total} clips cannot be used, and unusable_clips is 'stop' ('exclude' goes on without "
            f"them and lists them in excluded.csv):\n{listed}{more}"
        )
