"""Sound examples: a few clips under one effect at a few strengths, as short MP3 texts for the page."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import soundfile
import soxr

from embedshift.atomic import write_text
from embedshift.clip_choice import choose_clips
from embedshift.csv_rows import iterate_csv_rows
from embedshift.effects import apply_chain
from embedshift.errors import UserError
from embedshift.loudness import integrated_loudness, is_measurable, normalise
from embedshift.published_examples import predecessor_of, render_example_as_published
from embedshift.sharded_audio import ShardedAudio

CLEAN = "clean"
LONGEST_S = 10.0
FADE_S = 0.01
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def render_examples(*, clean: str | Sequence[str], manifest: str, settings: str, examples: str) -> None:
    """Write the examples of one data set and effect: a list of {clip_id, label, strength, audio_base64, loudness_lufs}.

    `clean` is the file of the prepared clips, or the files of all shards.

    The effect and the loudness are applied to the whole clip, as for the models; what can be heard is cut to
    `LONGEST_S`. `strength` is `clean` or the text of a strength. Where the settings have `compatibility`, the quirks
    can be heard (`published_examples`), and records have `after`: the clip that sounds on in them, or an empty text.
    """
    wanted = json.loads(settings)
    labels = {row["clip_id"]: row["label"] for row in iterate_csv_rows(manifest)}
    with ShardedAudio(clean, list(labels)) as reader:
        audible = np.flatnonzero(~np.asarray(reader.silent))
        clips = [reader.clip_id[row] for row in audible]
        chosen = choose_clips(clips, [labels.get(clip, "") for clip in clips], wanted["seed"], in_all=wanted["clips"])
        rows = [int(audible[place]) for place in chosen]
        before = {row: predecessor_of(reader, row, wanted.get("compatibility", ()), manifest) for row in rows}
        records = [record for row in rows for record in _examples_of(reader, row, before[row], labels, wanted)]
    write_text(examples, json.dumps(records, indent=1) + "\n")


def choose_strengths(count: int, number: int) -> list[int]:
    """Return at most `number` places among `count` strengths, evenly spread; both ends are in where two fit."""
    if number == 1:
        return [count - 1]
    return sorted({round(place) for place in np.linspace(0, count - 1, min(number, count))})


def _examples_of(
    reader: ShardedAudio, row: int, before: int | None, labels: Mapping[str, str], wanted: Mapping[str, Any]
) -> list[dict[str, Any]]:
    rate_hz, clip_id = reader.sample_rate_hz, reader.clip_id[row]
    heard = {CLEAN: reader.read(row)}
    for place in choose_strengths(len(wanted["strengths"]), wanted["number"]):
        effected = _effected(reader, row, before, wanted["strengths"][place], wanted)
        heard[wanted["strength_texts"][place]] = _matched(effected, rate_hz, wanted)
    named = {"clip_id": clip_id, "label": labels.get(clip_id, "")}
    if wanted.get("compatibility"):
        named["after"] = "" if before is None else reader.clip_id[before]
    return [{**named, "strength": text, **_recorded(sound, rate_hz, clip_id)} for text, sound in heard.items()]


def _effected(
    reader: ShardedAudio, row: int, before: int | None, strength: float, wanted: Mapping[str, Any]
) -> np.ndarray:
    if wanted.get("compatibility"):
        return render_example_as_published(reader, row, before, strength, wanted)
    return apply_chain(reader.read(row), reader.sample_rate_hz, wanted["chain"], strength, wanted["tail_s"])


def _matched(samples: np.ndarray, rate_hz: int, wanted: Mapping[str, Any]) -> np.ndarray:
    """Bring the sound to the loudness of the data set where the effect says so, as rendering does."""
    if wanted["renormalise"] and wanted["target_lufs"] is not None and is_measurable(len(samples), rate_hz):
        return normalise(samples, rate_hz, wanted["target_lufs"])[0]
    return samples


def _recorded(samples: np.ndarray, rate_hz: int, clip_id: str) -> dict[str, Any]:
    if not np.isfinite(samples).all():
        raise UserError(f"The effect gives values that are not finite on clip {clip_id}; change its parameters.")
    loudness = integrated_loudness(samples, rate_hz) if is_measurable(len(samples), rate_hz) else -np.inf
    encoded = base64.b64encode(encode_mp3(samples, rate_hz)).decode("ascii")
    return {"audio_base64": encoded, "loudness_lufs": round(loudness, 2) if np.isfinite(loudness) else None}


def encode_mp3(samples: np.ndarray, sample_rate_hz: int) -> bytes:
    """Return MP3 of at most `LONGEST_S` and two channels; `samples` is (n, channels) float32, full scale 1.0.

    Peaks above full scale are kept from clipping by turning the whole example down.
    """
    length = round(LONGEST_S * sample_rate_hz)
    sound = samples[:length, :2].astype(np.float32)
    if len(samples) > length:
        fade = round(FADE_S * sample_rate_hz)
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, np.newaxis]
    sound /= max(1.0, float(np.abs(sound).max(initial=0.0)))
    if sample_rate_hz not in MP3_RATES_HZ:
        nearest_hz = max((rate for rate in MP3_RATES_HZ if rate <= sample_rate_hz), default=MP3_RATES_HZ[0])
        sound, sample_rate_hz = soxr.resample(sound, sample_rate_hz, nearest_hz, quality="HQ"), nearest_hz
    file = io.BytesIO()
    soundfile.write(file, sound, sample_rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    return file.getvalue()
