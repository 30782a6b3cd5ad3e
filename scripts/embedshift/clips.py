"""Decode, cut and loudness-normalise every clip of a data set; nothing is left out without a stated reason."""

import hashlib
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedshift.atomic import write_atomically, write_text
from embedshift.decode import DecodedClip, decode_clip
from embedshift.errors import UserError
from embedshift.excerpt import Excerpt, UnusableClip
from embedshift.indexed_clips import (
    IndexedClip,
    csv_text,
    read_excluded,
    read_index,
    read_notes,
    write_excluded,
    write_notes,
)
from embedshift.loudness import BLOCK_S, integrated_loudness, is_measurable, normalise
from embedshift.progress import Progress
from embedshift.store import AudioWriter
from embedshift.stored_size import audio_bytes

LOGGER = logging.getLogger("embedshift")
MANIFEST_COLUMNS = (
    "clip_id",
    "file",
    "start_s",
    "duration_s",
    "label",
    "group",
    "split",
    "sha256",
    "audio_sha256",
    "loudness_before_lufs",
    "gain_db",
    "loudness_after_lufs",
    "peak",
    "note",
)
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

    excluded.csv begins with the clips that the reader left out (`index_excluded`).

    `settings` is JSON: `preparation` (see `Preparation`) and `unusable_clips`, `exclude` or `stop`. The results are the
    same bits for any number of threads.

    Raises
    ------
    UserError
        If no clip is left, a file is missing, or clips are unusable while `unusable_clips` is `stop`.
    """
    options = json.loads(settings)
    preparation = Preparation(**{key: options["preparation"].get(key) for key in Preparation.__dataclass_fields__})
    _require_measurable_length(preparation)
    clips = read_index(index)
    left_out: list[ExcludedClip] = []
    rows: list[list[str]] = []
    remarks: Counter[str] = Counter()
    with (
        write_atomically(clean, _needed_bytes(clips, preparation)) as temporary,
        _open_writer(temporary, preparation, settings, code) as writer,
    ):
        for outcome in _in_order(
            lambda clip: prepare_clip(clip, Path(folder).expanduser(), preparation), clips, threads
        ):
            if isinstance(outcome, ExcludedClip):
                left_out.append(outcome)
                continue
            _append(writer, outcome)
            rows.append(_manifest_row(outcome, preparation.sample_rate_hz))
            remarks.update(kind for kind, _ in outcome.remarks)
        _require_usable(left_out, len(clips), options.get("unusable_clips", "exclude"))
    write_text(manifest, csv_text(MANIFEST_COLUMNS, rows))
    before = read_excluded(index_excluded) if index_excluded else []
    write_excluded(excluded, [*before, *((e.clip.clip_id, e.clip.file, e.reason) for e in left_out)])
    said = read_notes(index_notes) if index_notes else []
    write_notes(notes, said + summary_notes(clips, left_out, remarks))


def _needed_bytes(clips: Sequence[IndexedClip], preparation: Preparation) -> int:
    """Return the size of the prepared clips, 0 where it is known only after all files were read."""
    if preparation.length_rule != "pad" or not preparation.length_s:
        return 0
    samples = len(clips) * int(preparation.length_s * preparation.sample_rate_hz)
    return audio_bytes(len(clips), samples, preparation.output_channels)


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


def summary_notes(clips: Sequence[IndexedClip], left_out: Sequence[ExcludedClip], remarks: Counter[str]) -> list[str]:
    """Return sentences for the report: how many clips were excluded and why, and what was met in the others."""
    notes = [f"{count} of {len(clips)} clips: {kind}." for kind, count in sorted(remarks.items())]
    if left_out:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(e.kind for e in left_out).items()))
        notes.append(
            f"{len(left_out)} of {len(clips)} clips are excluded, each with its reason in excluded.csv: {kinds}."
        )
    lost = {excluded.clip.clip_id for excluded in left_out}
    gone = {clip.label for clip in clips} - {clip.label for clip in clips if clip.clip_id not in lost}
    if gone:
        notes.append(f"Classes of which no clip is left: {', '.join(sorted(gone))}.")
    return notes


def _in_order(work: Callable, clips: Sequence[IndexedClip], threads: int) -> Iterator[PreparedClip | ExcludedClip]:
    """Yield the outcome of each clip in order; at most a few clips a thread are ahead, so memory stays bounded."""
    progress = Progress(len(clips), "clips prepared")
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


def _manifest_row(prepared: PreparedClip, sample_rate_hz: int) -> list[str]:
    clip, samples = prepared.clip, prepared.samples
    digest = hashlib.sha256(samples.astype("<f4", copy=False).tobytes()).hexdigest()
    place = [clip.clip_id, clip.file, repr(clip.start_s), format(len(samples) / sample_rate_hz, ".9g")]
    levels = [prepared.loudness_before_lufs, prepared.gain_db, prepared.loudness_after_lufs, np.abs(samples).max()]
    note = "; ".join(text for _, text in prepared.remarks)
    return [*place, clip.label, clip.group, clip.split, clip.sha256, digest, *(f"{x:.9g}" for x in levels), note]


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


def _require_usable(left_out: Sequence[ExcludedClip], total: int, policy: str) -> None:
    listed = "\n".join(f"{e.clip.file} (clip {e.clip.clip_id}): {e.reason}" for e in left_out[:SHOWN])
    more = f"\n... and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    if len(left_out) == total:
        raise UserError(f"None of the {total} clips can be used:\n{listed}{more}")
    if left_out and policy == "stop":
        raise UserError(
            f"{len(left_out)} of {total} clips cannot be used, and unusable_clips is 'stop' ('exclude' goes on without "
            f"them and lists them in excluded.csv):\n{listed}{more}"
        )
