"""A whole condition: every clip of a data set through one effect at one strength, in blocks, on several threads."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import scipy

from embedshift.atomic import write_atomically
from embedshift.effects import Processor, prepare_chain, run_chain, tail_samples
from embedshift.errors import UserError
from embedshift.loudness import integrated_loudness, is_measurable, normalise
from embedshift.progress import Progress
from embedshift.store import AudioReader, AudioWriter
from embedshift.stored_size import audio_bytes

LOGGER = logging.getLogger("embedshift")
BLOCK_SAMPLES = 1 << 21  # for each thread: 8 MB, small enough to stay near the processor
SPANS_PER_THREAD = 4  # so that a thread with slow clips does not keep the others waiting at the end of a block


@dataclass(frozen=True)
class RenderedClip:
    """One clip at a condition: samples (n, channels) float32, loudness in LUFS before and after matching it."""

    samples: np.ndarray
    loudness_before_lufs: float
    loudness_after_lufs: float
    silent: bool


def apply_effect(
    clean: str, output: str, settings: str, code: str, threads: int, manifest: str | Path | None = None
) -> None:
    """Render the clips of `clean` (HDF5, `store.py`) at one condition into `output`, in the same order.

    `settings` is the JSON of `effect_catalog.condition_settings`. A clip that is silent at this condition (only zeros,
    or too quiet for the loudness it should be brought to) is kept without gain and flagged. Memory is bounded by a few
    blocks of `BLOCK_SAMPLES`; the number of threads changes no sample. The manifest, which says what file a clip is
    from, is read only where the settings ask for a published study's quirks (`published_rendering`).

    Raises
    ------
    UserError
        If a clip comes out with values that are not finite, or too short for its loudness to be matched (names clip,
        effect and strength); if the disk has no space for the rendered audio.
    """
    condition = json.loads(settings)
    with (
        AudioReader(clean) as reader,
        ThreadPoolExecutor(threads) as pool,
        write_atomically(output, _needed_bytes(reader, condition)) as temporary,
        AudioWriter(
            temporary,
            sample_rate_hz=reader.sample_rate_hz,
            channels=reader.channels,
            attributes=_attributes(settings, code),
        ) as writer,
    ):
        progress = Progress(len(reader), "clips rendered")
        if condition.get("compatibility"):
            rendered = _rendered_as_published(reader, condition, output, manifest)
        else:
            rendered = _rendered(reader, condition, output, pool, threads)
        for clip_id, clip in zip(reader.clip_id, rendered, strict=True):
            writer.append(
                clip_id,
                clip.samples,
                loudness_before_lufs=clip.loudness_before_lufs,
                loudness_after_lufs=clip.loudness_after_lufs,
                silent=clip.silent,
            )
            progress.advance()


def _needed_bytes(reader: AudioReader, condition: dict[str, Any]) -> int:
    """Return the size of the rendered audio: as many samples as the clean clips have, and the tails."""
    tails = len(reader) * tail_samples(condition["tail_s"], reader.sample_rate_hz)
    return audio_bytes(len(reader), int(reader.offset[-1]) + tails, reader.channels)


def render_block(
    clips: Sequence[np.ndarray],
    processors: Sequence[Processor],
    tail: int,
    buffer: np.ndarray,
    pool: ThreadPoolExecutor,
    threads: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the clips after the effect, views that follow each other in `buffer`, and their (lowest, highest) samples.

    Clips are (n, channels) float32, results (n + tail, channels) float32; extremes have shape (clips, 2) and are not
    finite exactly where a clip holds a value that is not. `buffer` is used again for the next block: fresh memory for
    each would cost more than a cheap effect.
    """
    offset = np.concatenate([[0], np.cumsum([len(clip) + tail for clip in clips])])
    results = [buffer[start:stop] for start, stop in zip(offset[:-1], offset[1:], strict=True)]
    extremes = np.empty((len(clips), 2), dtype=np.float32)

    def render_span(span: range) -> None:
        for index in span:
            result = results[index]
            run_chain(clips[index], processors, result)
            extremes[index] = result.min(), result.max()

    for _ in pool.map(render_span, spans(len(clips), SPANS_PER_THREAD * threads)):
        pass
    return results, extremes


def buffer_for(offset: np.ndarray, block_rows: Sequence[tuple[int, int]], tail: int, channels: int) -> np.ndarray:
    """Return a buffer that holds the largest of the blocks of clips, tails included."""
    largest = max((offset[stop] - offset[start] + tail * (stop - start) for start, stop in block_rows), default=0)
    return np.empty((largest, channels), dtype=np.float32)


def spans(count: int, parts: int) -> Iterator[range]:
    """Divide `range(count)` into at most `parts` ranges that follow each other, as equal as can be."""
    edges = [count * part // parts for part in range(parts + 1)]
    return (range(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True) if stop > start)


def blocks(offset: np.ndarray, tail: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) rows of clips that follow each other and hold about `limit` samples, at least one clip."""
    start = 0
    while start < len(offset) - 1:
        lengths = offset[start + 1 :] - offset[start] + tail * np.arange(1, len(offset) - start)
        stop = start + max(1, int(np.searchsorted(lengths, limit, side="right")))
        yield start, stop
        start = stop


def _rendered(
    reader: AudioReader, condition: dict[str, Any], output: str, pool: ThreadPoolExecutor, threads: int
) -> Iterable[RenderedClip]:
    rate_hz, target_lufs = reader.sample_rate_hz, _target_lufs(condition, output)
    tail = tail_samples(condition["tail_s"], rate_hz)
    processors = prepare_chain(condition["effect"]["chain"], rate_hz, condition["strength"])
    where = f"effect {Path(output).parent.name} at strength {condition['strength_text']}"
    rows = list(blocks(reader.offset, tail, threads * BLOCK_SAMPLES // reader.channels))
    buffer = buffer_for(reader.offset, rows, tail, reader.channels)
    for start, stop in rows:
        results, extremes = render_block(reader.read_block(start, stop), processors, tail, buffer, pool, threads)
        _check_finite(extremes, reader.clip_id[start:stop], where)
        if target_lufs is not None:
            _check_measurable(results, reader.clip_id[start:stop], rate_hz, where)
        audible = extremes.any(axis=1)
        yield from pool.map(partial(_measured, sample_rate_hz=rate_hz, target_lufs=target_lufs), results, audible)


def _rendered_as_published(
    reader: AudioReader, condition: dict[str, Any], output: str, manifest: str | Path | None
) -> Iterable[RenderedClip]:
    """Render clip after clip: each may depend on the one before. The module is not imported where nobody asks."""
    target_lufs, rate_hz = _target_lufs(condition, output), reader.sample_rate_hz
    published = import_module("embedshift.published_rendering")
    where = f"effect {Path(output).parent.name} at strength {condition['strength_text']}"
    for clip_id, samples in zip(
        reader.clip_id, published.render_as_published(reader, condition, manifest), strict=True
    ):
        if target_lufs is not None:
            _check_measurable([samples], [clip_id], rate_hz, where)
        yield _measured(samples, bool(samples.any()), rate_hz, target_lufs)


def _measured(samples: np.ndarray, audible: bool, sample_rate_hz: int, target_lufs: float | None) -> RenderedClip:
    """Measure loudness and bring it to the target where there is one; the samples are no view into the buffer."""
    if target_lufs is not None:
        matched, _, before, after = normalise(samples, sample_rate_hz, target_lufs)
        return RenderedClip(matched, before, after, silent=before == -np.inf)
    measurable = is_measurable(len(samples), sample_rate_hz)
    loudness = integrated_loudness(samples, sample_rate_hz) if measurable else np.nan
    return RenderedClip(samples.copy(), loudness, loudness, silent=not audible)


def _target_lufs(condition: dict[str, Any], output: str) -> float | None:
    """Return the loudness to bring clips to, None where they keep their own."""
    if condition["renormalise"] and condition["target_lufs"] is None:
        raise UserError(
            f"effects.{Path(output).parent.name}.renormalise is true, but preparation.target_lufs of the data set is "
            "null. Give it a target, or set renormalise to false."
        )
    return condition["target_lufs"] if condition["renormalise"] else None


def _check_finite(extremes: np.ndarray, clip_id: Sequence[str], where: str) -> None:
    finite = np.isfinite(extremes).all(axis=1)
    if not finite.all():
        raise UserError(
            f"Clip {clip_id[int(np.argmin(finite))]} has values that are not finite after {where}: the processor is "
            "unstable with these parameters. Take milder ones (less feedback, a lower order, a smaller strength)."
        )


def _check_measurable(results: Sequence[np.ndarray], clip_id: Sequence[str], sample_rate_hz: int, where: str) -> None:
    for clip, samples in zip(clip_id, results, strict=True):
        if not is_measurable(len(samples), sample_rate_hz):
            raise UserError(
                f"Clip {clip} lasts {len(samples) / sample_rate_hz:.3f} s, too short for the loudness meter (0.4 s), "
                f"and cannot be matched after {where}. Set renormalise to false, or prepare longer clips."
            )


def _attributes(settings: str, code: str) -> dict[str, str]:
    return {
        "settings": settings,
        "code": code,
        "pedalboard_version": pedalboard.__version__,
        "scipy_version": scipy.__version__,
        "numpy_version": np.__version__,
    }
