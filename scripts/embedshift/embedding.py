"""The embedding job: one data set, one model, one condition; only rows that no earlier run left are computed."""

import csv
import hashlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.batching import (
    BatchLimit,
    embed_within_memory,
    map_ahead,
    network_length,
    plan_batches,
    plan_blocks,
    prepare_clip,
)
from embedshift.device import (
    choose_batch_size,
    choose_device,
    exact_float32,
    one_thread_each,
    peak_bytes_of,
    use_one_thread,
)
from embedshift.disk_space import require_space
from embedshift.errors import UserError
from embedshift.freshness import forget_origin, write_origin
from embedshift.models.base import Adapter
from embedshift.models.load import load_adapter
from embedshift.progress import Progress
from embedshift.row_cache import KeptContents, KeptRows, Place, Row, describe_model, merge_rows, row_key
from embedshift.shared_embeddings import share
from embedshift.store import AudioReader, Embeddings
from embedshift.stored_size import embeddings_bytes

LOGGER = logging.getLogger("embedshift")

PART_CLIPS = 256
PART_INTERVAL_S = 30.0
"""A part is written after so many clips or so many seconds, whichever comes first."""
LIBRARIES = ("numpy", "scipy", "torch", "librosa", "soxr", "h5py")


@dataclass(frozen=True)
class Batch:
    """Clips of one block whose length is equal when the network sees them, at the data set's own rate."""

    clip_id: list[str]
    keys: list[str]
    samples: list[np.ndarray]


@dataclass(frozen=True)
class PreparedBatch:
    """A batch as the network takes it: `samples (clips, samples)` float32, mono, at the model's rate."""

    clip_id: list[str]
    keys: list[str]
    samples: np.ndarray


def embed_clips(
    manifest: str | Path,
    audio: str | Path | None,
    weights: str | Path | None,
    receipt: str | Path | None,
    output: str | Path,
    settings: str,
    code: str,
    origin: str = "",
    shared: str | Path | None = None,
    device: str = "auto",
    batch_size: str | int = "auto",
    threads: int = 1,
) -> None:
    """Write the embeddings of every clip of `audio` to `output` (contract in store.py), and the record of its origin.

    Rows whose key stands in the last finished output or in a part of an unfinished run are taken from there. Where
    the last finished output has this very origin, it is put back and nothing is read.

    Parameters
    ----------
    manifest : CSV with the columns `clip_id`, `audio_sha256`: the clips and their order
    audio : audio file of the condition; None where the last finished output is known to be up to date
    weights, receipt : the model's weights and the JSON that states their `sha256`; None for a model without any
    settings : JSON with dataset, model, condition, adapter, options, precision, frames, and backend if not embedshift's
    code : the job's code digests (embedshift.codehash.code_of)
    origin : digest of all that leads to this output (embedshift.freshness.origin_of)
    shared : where a finished output of this origin stands, or is to be put, for other results folders too
    device, batch_size, threads : change no number beyond rounding

    Raises
    ------
    UserError
        If manifest and audio hold other clips, the device is not there, the memory does not suffice for one clip,
        or an embedding is not finite.
    """
    job = json.loads(settings)
    kept = KeptRows(output, job["condition"])
    made_from = {"origin": origin, "manifest_sha256": _digest_of_clips(Path(manifest))}
    restored = bool(origin) and (kept.restore(made_from) or (bool(shared) and kept.restore(made_from, Path(shared))))
    forget_origin(output, job["condition"])
    if restored:
        LOGGER.info("The last finished output is up to date; it was put back.")
    elif audio:
        given = EmbeddingInputs(Path(manifest), Path(audio), weights, receipt, settings, code)
        _embed_anew(given, job, kept, made_from, device, batch_size, threads)
    else:
        raise UserError(
            f"{output} was taken to be finished, but what was kept of it is gone or belongs to other clips. Nothing "
            "else is lost: start the same command again, and it is made anew."
        )
    write_origin(output, job["condition"], origin)
    if shared and origin:
        share(output, shared)


@dataclass(frozen=True)
class EmbeddingInputs:
    """What an embedding is computed from: files, settings and code digests (see `embed_clips`)."""

    manifest: Path
    audio: Path
    weights: str | Path | None
    receipt: str | Path | None
    settings: str
    code: str


def _embed_anew(
    given: EmbeddingInputs,
    job: dict[str, Any],
    kept: KeptRows,
    made_from: dict[str, str],
    device: str,
    batch_size: str | int,
    threads: int,
) -> None:
    """Compute what no earlier run left, write the output and keep it."""
    started_s = time.monotonic()
    weights_sha256 = _weights_sha256(given.receipt)
    chosen = "cpu" if job.get("backend") == "official" else choose_device(device)
    exact_float32(chosen)
    with AudioReader(given.audio) as reader:
        _check_same_clips(given.manifest, reader)
        adapter = load_adapter(job, Path(given.weights) if given.weights else None, chosen, job["precision"])
        chosen = chosen if getattr(adapter, "runs_on_gpu", True) else "cpu"
        _require_space(kept.output, reader, adapter, bool(job["frames"]))
        run = EmbeddingRun(reader, adapter, kept, job, describe_model(job, weights_sha256, given.code))
        places = run.compute(chosen, batch_size, threads)
    attributes = (
        _describe_run(job, adapter, chosen)
        | made_from
        | {
            "weights_sha256": weights_sha256,
            "settings": given.settings,
            "code": given.code,
            "seconds": time.monotonic() - started_s,
            "clips_embedded": run.clips_embedded,
        }
    )
    described = Embeddings(reader.clip_id, run.keys, np.zeros((0, 0)), reader.silent, attributes=attributes)
    merge_rows(kept.output, described, places, bool(job["frames"]))
    kept.renew()
    work = f"{len(run.keys)} clips, {run.clips_embedded} of them embedded in this job"
    LOGGER.info("%s (%s, threads: %d)", work, chosen, threads)


def _require_space(output: Path, reader: AudioReader, adapter: Adapter, with_frames: bool) -> None:
    """Stop before the network runs where its output will not fit."""
    seconds = reader.offset[-1] / reader.sample_rate_hz
    frames = int(seconds / adapter.frame_hop_s) if with_frames and adapter.frame_hop_s else 0
    require_space(output, embeddings_bytes(len(reader), adapter.dim, frames, adapter.frame_dim))


class EmbeddingRun:
    """One pass over the audio: keys of all clips, and rows of those that nobody computed before.

    Attributes
    ----------
    keys : row key of each clip, in clip order, filled while the audio is read
    clips_embedded : clips that went through the network
    """

    def __init__(self, reader: AudioReader, adapter: Adapter, kept: KeptRows, job: dict[str, Any], model: str) -> None:
        self.reader, self.adapter, self.kept, self.job, self.model = reader, adapter, kept, job, model
        self.keys: list[str] = []
        self.clips_embedded = 0
        self._network_length, self._prepare_clip = _way_to_network(job, reader.channels)
        self._progress = Progress(len(reader), f"clips of {job['condition']} with {job['model']}")

    def compute(self, device: str, batch_size: str | int, threads: int) -> dict[str, Place]:
        """Return where the rows of all clips lie, by key; those computed here lie in parts. A shard may be empty."""
        if not len(self.reader):
            return {}
        contents = self.kept.read(with_frames=bool(self.job["frames"]))
        limit = BatchLimit(choose_batch_size(batch_size, device, self._measure_clip_bytes))
        batches = self._plan(contents, limit.clips, threads)
        work_on = self._on_gpu if device == "cuda" else self._on_cpu
        stream = work_on(batches, limit, threads)
        return contents.finished | contents.unfinished | self._collect(stream)

    def _plan(self, contents: KeptContents, batch_size: int, threads: int) -> Iterator[Batch]:
        """Yield the batches to compute, block by block.

        Batches are planned without a look at the parts, and computed whole unless the parts hold all of one: so a
        run that goes on makes the batches, and with them the very bits, of one that was not disturbed. Of clips with
        the same audio (silence, mostly) only the first is computed.
        """
        known = set(contents.finished)
        for block, samples, keys in self._read_blocks(threads):
            self.keys.extend(keys)
            lengths = {}
            for row, key in enumerate(keys):
                if key not in known:
                    known.add(key)
                    lengths[row] = self._network_length(len(samples[row]), self.reader.sample_rate_hz, self.adapter)
            planned = [batch for batch in plan_batches(lengths, batch_size)
                       if not all(keys[row] in contents.unfinished for row in batch)]  # fmt: skip
            self._progress.advance(len(block) - sum(map(len, planned)))
            for batch in planned:
                names = [self.reader.clip_id[block[row]] for row in batch]
                yield Batch(names, [keys[row] for row in batch], [samples[row] for row in batch])

    def _read_blocks(self, threads: int) -> Iterator[tuple[range, list[np.ndarray], list[str]]]:
        """Yield `(clips, samples, keys)` of each block; the next one is read while this one is worked on."""

        def read(block: range) -> tuple[range, list[np.ndarray], list[str]]:
            samples = self.reader.read_block(block.start, block.stop)
            return block, samples, list(map_ahead(self._key, samples, threads=threads, ahead=len(samples)))

        blocks = plan_blocks(np.diff(self.reader.offset), self.reader.channels)
        return map_ahead(read, blocks, threads=1, ahead=1)

    def _key(self, samples: np.ndarray) -> str:
        return row_key(samples, self.reader.sample_rate_hz, self.model)

    def _on_cpu(self, batches: Iterator[Batch], limit: BatchLimit, threads: int) -> Iterator[dict[str, Row]]:
        """Run whole batches side by side in threads, everything inside them single-threaded."""

        def work(batch: Batch) -> dict[str, Row]:
            return self._embed(self._prepare(batch), limit)

        with one_thread_each():
            yield from map_ahead(work, batches, threads=threads, ahead=2 * threads, at_start=use_one_thread)

    def _on_gpu(self, batches: Iterator[Batch], limit: BatchLimit, threads: int) -> Iterator[dict[str, Row]]:
        """Run one batch after the other; the next ones are mixed down and resampled in threads meanwhile."""
        for prepared in map_ahead(self._prepare, batches, threads=threads, ahead=threads + 1):
            yield self._embed(prepared, limit)

    def _prepare(self, batch: Batch) -> PreparedBatch:
        rate = self.reader.sample_rate_hz
        samples = np.stack([self._prepare_clip(clip, rate, self.adapter) for clip in batch.samples])
        return PreparedBatch(batch.clip_id, batch.keys, samples)

    def _embed(self, batch: PreparedBatch, limit: BatchLimit) -> dict[str, Row]:
        frames_of_clips = embed_within_memory(self.adapter.embed, batch.samples, limit)
        rows = {}
        for clip_id, key, frames in zip(batch.clip_id, batch.keys, frames_of_clips, strict=True):
            embedding = self.adapter.pool(frames)
            if not (np.isfinite(embedding).all() and np.isfinite(frames).all()):
                raise UserError(self._not_finite(clip_id))
            rows[key] = Row(embedding, frames if self.job["frames"] else None)
        return rows

    def _collect(self, stream: Iterator[dict[str, Row]]) -> dict[str, Place]:
        """Write the rows of all batches to parts, every so many clips or seconds; return where they lie."""
        places: dict[str, Place] = {}
        waiting: dict[str, Row] = {}
        last_part_s = time.monotonic()
        for rows in stream:
            waiting |= rows
            self.clips_embedded += len(rows)
            self._progress.advance(len(rows))
            if len(waiting) >= PART_CLIPS or time.monotonic() - last_part_s > PART_INTERVAL_S:
                places |= self.kept.write_part(waiting)
                waiting, last_part_s = {}, time.monotonic()
        return places | (self.kept.write_part(waiting) if waiting else {})

    def _measure_clip_bytes(self) -> int:
        """Return the device memory that the longest clip needs; the first call, which loads kernels, is not counted."""
        rate = self.reader.sample_rate_hz
        longest = max(self._network_length(int(n), rate, self.adapter) for n in np.diff(self.reader.offset))
        clip = np.zeros((1, longest), dtype=np.float32)
        self.adapter.embed(clip)
        return peak_bytes_of(lambda: self.adapter.embed(clip))

    def _not_finite(self, clip_id: str) -> str:
        job = self.job
        return (
            f"The embedding of clip {clip_id} by model {job['model']} at condition {job['condition']} of data set "
            f"{job['dataset']} is not finite. Listen to the clip at that condition: an effect that blows up needs "
            "other strengths; with precision: bfloat16, try float32; a clip that no model takes is best left out."
        )


def _way_to_network(job: dict[str, Any], channels: int) -> tuple[Callable, Callable]:
    """Return what tells the length that the network sees, and what prepares a clip; a published study's where asked."""
    if not job.get("compatibility"):
        return network_length, prepare_clip
    published = import_module("embedshift.models.published_sound").PublishedSound(job["compatibility"], channels)
    return published.network_length, published.prepare_clip


def _digest_of_clips(manifest: Path) -> str:
    """Return a digest of the clips and of their samples; labels and groups do not count."""
    with open(manifest, newline="", encoding="utf-8") as file:
        clips = "\n".join(f"{row['clip_id']} {row.get('audio_sha256', '')}" for row in csv.DictReader(file))
    return hashlib.sha256(clips.encode()).hexdigest()


def _check_same_clips(manifest: Path, reader: AudioReader) -> None:
    with open(manifest, newline="", encoding="utf-8") as file:
        expected = [row["clip_id"] for row in csv.DictReader(file)]
    if expected != reader.clip_id:
        pairs = zip(chain(expected, ["(none)"]), chain(reader.clip_id, ["(none)"]), strict=False)
        row, (wanted, found) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        raise UserError(
            f"{reader.path} and {manifest} hold other clips: row {row} is clip {found} in the audio and {wanted} in "
            "the manifest. Delete the audio file and start the same command again: it is made anew."
        )


def _weights_sha256(receipt: str | Path | None) -> str:
    return json.loads(Path(receipt).read_text(encoding="utf-8"))["sha256"] if receipt else ""


def _describe_run(job: dict[str, Any], adapter: Adapter, device: str) -> dict[str, Any]:
    described = {name: job[name] for name in ("dataset", "model", "condition", "adapter", "precision")}
    described |= {"frame_hop_s": adapter.frame_hop_s, "device": _name_of(device)}
    versions = {f"{name}_version": str(sys.modules[name].__version__) for name in LIBRARIES if name in sys.modules}
    return described | versions


def _name_of(device: str) -> str:
    return f"cuda ({sys.modules['torch'].cuda.get_device_name()})" if device == "cuda" else device
