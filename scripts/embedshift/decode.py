"""One clip from one sound file: read only the stretch needed, one channel rule, one sample rate.

Formats are those of libsndfile (WAV, FLAC, Ogg, MP3, AIFF); integers become float32 in [-1, 1). WAV, FLAC and AIFF are
read from the place asked for. Ogg and MP3 are read from their beginning in one call, since seeking in them is not
sample-exact everywhere (seen with libsndfile 1.2.2 on real Ogg Vorbis files), and the length in their header is an
estimate.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from embedshift.errors import UserError
from embedshift.excerpt import Excerpt, UnusableClip

SEEKABLE_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF"}
PCM_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
OTHER_BITS = 16
# soxr HQ's impulse response falls below 1e-9 of its peak within 460 periods of the lower rate (measured)
CONTEXT_PERIODS = 512
UNKNOWN_LENGTH = 1 << 40
PLAUSIBLE_RATES_HZ = (1000, 1_000_000)
DECODER_ERRORS = (soundfile.SoundFileError, OSError, ValueError, OverflowError, MemoryError)


@dataclass(frozen=True)
class DecodedClip:
    """A clip before loudness: `samples (n, channels)` float32, and facts about its source worth a note."""

    samples: np.ndarray
    source_rate_hz: int
    source_channels: int
    clipped_runs: int
    padded_s: float  # zeros added at the end
    missing_s: float  # by how much the recording ends before the duration that was given for the clip


@dataclass(frozen=True)
class _Stretch:
    """What was read: `samples (before + n + after, channels)`, the context filled with zeros outside the file."""

    samples: np.ndarray
    before: int
    n: int
    missing: int
    sample_rate_hz: int
    subtype: str

    @property
    def inside(self) -> np.ndarray:
        return self.samples[self.before : self.before + self.n]


def decode_clip(path: Path, excerpt: Excerpt, *, channels: str, sample_rate_hz: int) -> DecodedClip:
    """Return the clip at `sample_rate_hz`, its channels by the rule `mean`, `first` or `stereo`.

    Samples around the stretch take part in resampling, so that a cut neither rings nor lacks samples.

    Raises
    ------
    UnusableClip
        If the file is empty or corrupt, the stretch is too short or outside the file, a sample is NaN or infinite, or
        the rule `stereo` meets more than two channels.
    UserError
        If the file is not there.
    """
    stretch = _read_stretch(path, excerpt, sample_rate_hz)
    _require_finite(stretch)
    samples = _resample(apply_channel_rule(stretch.samples, channels), stretch, sample_rate_hz)
    fitted = excerpt.fit(samples, sample_rate_hz)
    return DecodedClip(
        samples=np.ascontiguousarray(fitted, dtype=np.float32),
        source_rate_hz=stretch.sample_rate_hz,
        source_channels=stretch.samples.shape[1],
        clipped_runs=count_clipped_runs(stretch.inside, stretch.subtype),
        padded_s=max(0, len(fitted) - len(samples)) / sample_rate_hz,
        missing_s=0.0 if excerpt.duration_s is None else stretch.missing / stretch.sample_rate_hz,
    )


def apply_channel_rule(samples: np.ndarray, rule: str) -> np.ndarray:
    """Return `(n, 1)` for `mean` and `first`, `(n, 2)` for `stereo` (mono is doubled), float32.

    Raises
    ------
    UnusableClip
        If the rule is `stereo` and there are more than two channels.
    """
    found = samples.shape[1]
    if rule == "mean":
        return samples if found == 1 else samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    if rule == "first":
        return samples[:, :1]
    if found > 2:
        raise UnusableClip(
            "channels", f"{found} channels, but channels 'stereo' takes 1 or 2; 'mean' and 'first' take any"
        )
    return samples if found == 2 else np.repeat(samples, 2, axis=1)


def count_clipped_runs(samples: np.ndarray, subtype: str) -> int:
    """Count runs of at least three neighbouring samples at full scale, over all channels of `(n, channels)`.

    `subtype` is libsndfile's. Float files may go above full scale: there only samples at 1.0 itself are clipped.
    """
    magnitude = np.abs(samples)
    full = magnitude >= 1.0 - 2.0 ** (1 - PCM_BITS.get(subtype, OTHER_BITS))
    if subtype in ("FLOAT", "DOUBLE"):
        full &= magnitude <= 1.0
    run = full[:-2] & full[1:-1] & full[2:]
    return int(run[:1].sum() + (run[1:] & ~run[:-1]).sum())


def _read_stretch(path: Path, excerpt: Excerpt, sample_rate_hz: int) -> _Stretch:
    if not path.is_file():
        raise UserError(
            f"{path} was listed when the workflow started, but is not there now. Put it back or start again."
        )
    if path.stat().st_size == 0:
        raise UnusableClip("empty", "the file has no bytes")
    try:
        with soundfile.SoundFile(path) as file:
            _require_readable(file)
            first, stop = excerpt.source_range(file.samplerate)
            context = _context_samples(file.samplerate, sample_rate_hz)
            found, offset = _read_around(file, first, stop, context)
            stretch = _lay_out(found, offset, first, stop, context, file)
    except DECODER_ERRORS as error:
        raise UnusableClip("corrupt", f"libsndfile cannot decode it: {_one_line(error)}") from error
    return stretch


def _require_readable(file: soundfile.SoundFile) -> None:
    low, high = PLAUSIBLE_RATES_HZ
    if not low <= file.samplerate <= high:
        raise UnusableClip("corrupt", f"its header gives a rate of {file.samplerate} Hz; {low} to {high} Hz are read")
    if file.frames >= UNKNOWN_LENGTH:
        raise UnusableClip("corrupt", "its header does not say how long it is; decode and encode it again")


def _context_samples(source_rate_hz: int, sample_rate_hz: int) -> int:
    """Return how many source samples to read on either side: whole periods in which both sample grids meet."""
    if source_rate_hz == sample_rate_hz:
        return 0
    meeting = source_rate_hz // math.gcd(source_rate_hz, sample_rate_hz)
    needed = CONTEXT_PERIODS * max(1.0, source_rate_hz / sample_rate_hz)
    return math.ceil(needed / meeting) * meeting


def _read_around(file: soundfile.SoundFile, first: int, stop: int | None, context: int) -> tuple[np.ndarray, int]:
    """Read from `first - context` to `stop + context`, as far as the file goes -> samples, position of the first."""
    exact = file.format in SEEKABLE_FORMATS
    begin = min(max(0, first - context), file.frames) if exact else 0
    end = UNKNOWN_LENGTH if stop is None else stop + context
    wanted = max(0, min(end, file.frames) - begin)
    if exact and begin > 0:
        file.seek(begin)
    samples = file.read(wanted, dtype="float32", always_2d=True)
    if exact and len(samples) < wanted:
        raise UnusableClip(
            "corrupt", f"its header announces {file.frames} samples, only {begin + len(samples)} could be decoded"
        )
    return samples, begin


def _lay_out(
    found: np.ndarray, offset: int, first: int, stop: int | None, context: int, file: soundfile.SoundFile
) -> _Stretch:
    """Cut what was read to the stretch and its context, zeros where the file has ended or not begun."""
    end = offset + len(found)
    if file.frames == 0 or end == 0:
        raise UnusableClip("empty", "the file holds no samples")
    if end <= first:
        raise UnusableClip(
            "too short",
            f"start_s {first / file.samplerate:.6g} is not before the end of the file, {end / file.samplerate:.6g} s",
        )
    n = (end if stop is None else min(stop, end)) - first
    low, high = first - context, first + n + context
    inside = found[max(0, low - offset) : high - offset]
    before, after = max(0, offset - low), max(0, high - end)
    samples = np.pad(inside, ((before, after), (0, 0))) if before or after else inside
    missing = 0 if stop is None else stop - first - n
    return _Stretch(samples, context, n, missing, file.samplerate, file.subtype)


def _require_finite(stretch: _Stretch) -> None:
    finite = np.isfinite(stretch.samples)
    if not finite.all():
        bad = np.argwhere(~finite)
        at_s = (bad[0][0] - stretch.before) / stretch.sample_rate_hz
        raise UnusableClip(
            "not finite", f"{len(bad)} samples are NaN or infinite, the first {at_s:.6g} s into the clip"
        )


def _resample(samples: np.ndarray, stretch: _Stretch, sample_rate_hz: int) -> np.ndarray:
    """Resample stretch and context with soxr HQ, then drop the context; a stretch of n gives round(n * ratio)."""
    if stretch.sample_rate_hz == sample_rate_hz:
        return samples
    resampled = soxr.resample(samples, stretch.sample_rate_hz, sample_rate_hz, quality="HQ")
    before = stretch.before * sample_rate_hz // stretch.sample_rate_hz
    wanted = round(stretch.n * sample_rate_hz / stretch.sample_rate_hz)
    return resampled[before : before + wanted]


def _one_line(error: BaseException) -> str:
    # libsndfile's own words, without the path: reasons must not depend on where the data lie
    return " ".join(str(getattr(error, "error_string", error)).split()) or type(error).__name__
