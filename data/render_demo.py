"""Render the bundled demo clips: 11 instruments x 5 performances x 2 excerpts of 3 s, from a General MIDI sound font.

The clips are committed, so nobody needs this script to run the workflow; it is here so that their origin can be
checked.

    python3 -m venv /tmp/render && /tmp/render/bin/pip install --no-deps -r data/render_demo_requirements.txt
    /tmp/render/bin/python data/render_demo.py --folder data/demo

A performance has one preset, key, tempo, style, articulation and velocity; its two clips are two different phrases and
share the group. Everything follows from SEED. Classes are named by the codes of IRMAS (Bosch et al., ISMIR 2012);
presets are General MIDI program numbers counted from 0.
"""

import argparse
import csv
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

SEED = 20220419
SAMPLE_RATE_HZ = 44100
CLIP_S = 3.0
PERFORMANCES = 5
CLIPS_PER_PERFORMANCE = 2
GAIN_DB = 0.0  # the loudest clip peaks at 0.8 of full scale (the tests check it)
RENDER_FRAMES = 64  # the synthesizer works in blocks of 64 frames; other chunk sizes change the result
SOUND_FONT_SHA256 = "82475b91a76de15cb28a104707d3247ba932e228bada3f47bba63c6b31aaf7a1"

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
SOUNDING_SHARE = {"legato": 1.0, "detached": 0.8, "staccato": 0.5}  # of the written length
SUSTAINED_STYLES = ("long_tones", "broken_chords")  # never played staccato
TEMPO_BANDS_BPM = ((60, 75), (76, 91), (92, 109), (110, 129), (130, 152))  # one band a performance, in random order
VELOCITIES = (64, 76, 88, 100, 110)  # likewise
PROGRESSIONS = ((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (5, 3, 0, 4), (1, 4, 0, 5))  # roots as degrees, a bar each
RHYTHMS = ((1, 1), (0.5, 0.5, 1), (1.5, 0.5), (0.75, 0.25, 1), (0.5, 0.5, 0.5, 0.5), (1, 0.5, 0.5), (2,))  # beats


@dataclass(frozen=True)
class Instrument:
    """One class: its presets, its range (MIDI keys, lowest and highest) and the styles it can play."""

    programs: tuple[int, ...]
    lowest: int
    highest: int
    styles: tuple[str, ...]
    strum_s: float = 0.0  # delay between the strings of one chord


MELODIC = ("song", "run", "arpeggio", "long_tones")
GUITAR = ("strum", "broken_chords", "song", "song_with_bass")
INSTRUMENTS = {
    "cel": Instrument((42,), 36, 69, MELODIC),
    "cla": Instrument((71,), 50, 84, MELODIC),
    "flu": Instrument((73,), 60, 91, MELODIC),
    "gac": Instrument((24, 25), 40, 76, GUITAR, strum_s=0.018),
    "gel": Instrument((26, 27, 29, 30), 40, 81, ("riff", *GUITAR), strum_s=0.010),
    "org": Instrument((16, 17, 18, 19), 36, 84, ("block_chords", "broken_chords", "song_with_bass")),
    "pia": Instrument((0, 1, 2), 33, 93, ("block_chords", "broken_chords", "song_with_bass", "run")),
    "sax": Instrument((64, 65, 66, 67), 49, 80, MELODIC),
    "tru": Instrument((56,), 55, 82, MELODIC),
    "vio": Instrument((40,), 55, 91, MELODIC),
    "voi": Instrument((52, 53), 48, 76, ("song", "long_tones", "arpeggio")),
}
RANGE_OF_PROGRAM = {64: (56, 87), 65: (49, 80), 66: (44, 75), 67: (36, 68)}  # soprano, alto, tenor, baritone saxophone


@dataclass(frozen=True)
class Performance:
    """What the clips of one group share."""

    label: str
    number: int
    preset: int
    tonic: int
    mode: str
    tempo_bpm: int
    style: str
    articulation: str
    velocity: int


class Event(NamedTuple):
    """Notes that start together: onset and length in beats, scale degrees (0 tonic, 7 its octave), velocity share."""

    onset: float
    length: float
    degrees: tuple[int, ...]
    accent: float = 1.0


class Note(NamedTuple):
    """One sounding note: start and end in seconds, MIDI key and velocity."""

    start_s: float
    end_s: float
    key: int
    velocity: int


def draw_performances(label: str) -> list[Performance]:
    """Return one class: presets, styles, modes, articulations in turn, tempo from bands, no tonic or velocity twice."""
    rng = np.random.default_rng([SEED, list(INSTRUMENTS).index(label)])
    instrument = INSTRUMENTS[label]
    programs, styles = rng.permutation(instrument.programs), rng.permutation(instrument.styles)
    tonics, modes = rng.permutation(len(TONICS)), rng.permutation(list(MODES))
    bands, velocities = rng.permutation(TEMPO_BANDS_BPM), rng.permutation(VELOCITIES)
    articulations = rng.permutation(list(SOUNDING_SHARE))

    def articulation(i: int) -> str:
        drawn = str(articulations[i % len(articulations)])
        return "legato" if drawn == "staccato" and styles[i % len(styles)] in SUSTAINED_STYLES else drawn

    return [
        Performance(
            label=label,
            number=i + 1,
            preset=int(programs[i % len(programs)]),
            tonic=int(tonics[i]),
            mode=str(modes[i % len(modes)]),
            tempo_bpm=int(rng.integers(bands[i][0], bands[i][1], endpoint=True)),
            style=str(styles[i % len(styles)]),
            articulation=articulation(i),
            velocity=int(velocities[i]),
        )
        for i in range(PERFORMANCES)
    ]


def song(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield a singable melody: mostly steps, some leaps, returning towards the middle."""
    onset, degree = 0.0, int(rng.choice([0, 2, 4]))
    while onset < beats:
        for length in RHYTHMS[rng.integers(len(RHYTHMS))]:
            yield Event(onset, length, (degree,), 1.0 if onset == int(onset) else 0.9)
            onset += length
            degree += int(rng.choice([-3, -2, -1, -1, 1, 1, 2, 3])) if -3 <= degree <= 8 else (-2 if degree > 8 else 2)


def run(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield a scale up and down in even notes (sixteenths below 100 bpm, eighths above), turning at random."""
    length, degree, direction = 0.5 if beats > CLIP_S * 100 / 60 else 0.25, int(rng.choice([-2, 0, 2])), 1
    for i in range(int(beats / length) + 1):
        yield Event(i * length, length, (degree,), 1.0 if i * length == int(i * length) else 0.88)
        if not -4 < degree < 9:
            direction = -1 if degree > 0 else 1
        elif rng.random() < 0.12:
            direction = -direction
        degree += direction


def arpeggio(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield broken triads in eighth notes, one chord every two beats."""
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    figure = ((0, 2, 4, 7), (4, 2, 0, 2), (0, 4, 2, 4), (7, 4, 2, 0))[rng.integers(4)]
    for i in range(int(beats * 2) + 1):
        yield Event(i / 2, 0.5, (progression[i // 4 % 4] + figure[i % 4],), 1.0 if i % 4 == 0 else 0.88)


def long_tones(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield sustained notes of one and a half to three beats, moving by step or third."""
    onset, degree = 0.0, int(rng.choice([0, 2, 4]))
    while onset < beats:
        length = float(rng.choice([1.5, 2.0, 3.0]))
        yield Event(onset, length, (degree,))
        onset, degree = onset + length, int(np.clip(degree + rng.choice([-2, -1, 1, 2]), -3, 9))


def block_chords(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield four-part chords, the bass included, one progression step every two beats."""
    progression, onset = PROGRESSIONS[rng.integers(len(PROGRESSIONS))], 0.0
    while onset < beats:
        for length in RHYTHMS[rng.integers(len(RHYTHMS))]:
            root = progression[int(onset // 2) % 4]
            inversion = ((0, 2, 4), (2, 4, 7), (-3, 0, 2))[rng.integers(3)]
            yield Event(onset, length, (root - 7, *(root + step for step in inversion)))
            onset += length


def broken_chords(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield a held bass note and an arpeggio above it that rings until the chord changes, every four beats."""
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    figure = ((4, 2, 7, 4, 9, 7, 4, 2), (2, 4, 7, 4, 2, 4, 7, 4), (0, 4, 7, 9, 7, 4, 2, 4))[rng.integers(3)]
    for i in range(int(beats * 2) + 1):
        root, left = progression[i // 8 % 4], 4.0 - i % 8 / 2
        bass = (root - 7,) if i % 8 == 0 else ()
        yield Event(i / 2, left, (*bass, root + figure[i % 8]), 1.0 - 0.1 * (i % 2))


def strum(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield five-string chords in a strumming pattern of one bar."""
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    pattern = ((1, 1, 0.5, 0.5, 1), (1, 0.5, 1, 0.5, 1), (1.5, 0.5, 0.5, 0.5, 1))[rng.integers(3)]
    onset = 0.0
    while onset < beats:
        for length in pattern:
            root = progression[int(onset // 4) % 4]
            strings = (root - 7, root - 3, root, root + 2, root + 4)
            yield Event(onset, length, strings, 1.0 if onset == int(onset) else 0.85)
            onset += length


def riff(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield power chords (root, fifth, octave) in driving eighth notes."""
    roots = rng.choice([-7, -7, -7, -5, -4, -3], size=8)
    for i in range(int(beats * 2) + 1):
        root = int(roots[i % 8])
        yield Event(i / 2, 0.5, (root, root + 4, root + 7), 1.0 if i % 2 == 0 else 0.88)


def song_with_bass(rng: np.random.Generator, beats: float) -> Iterator[Event]:
    """Yield a melody over bass and fifth that change every two beats."""
    progression = PROGRESSIONS[rng.integers(len(PROGRESSIONS))]
    for i in range(int(beats / 2) + 1):
        root = progression[i % 4]
        yield Event(2.0 * i, 2.0, (root - 14, root - 10), 0.9)
    yield from song(rng, beats)


COMPOSERS = (song, run, arpeggio, long_tones, block_chords, broken_chords, strum, riff, song_with_bass)
STYLES = {composer.__name__: composer for composer in COMPOSERS}


def key_range(performance: Performance) -> tuple[int, int]:
    """Return the lowest and highest MIDI key that the performance's instrument plays."""
    instrument = INSTRUMENTS[performance.label]
    return RANGE_OF_PROGRAM.get(performance.preset, (instrument.lowest, instrument.highest))


def key_of_degree(degree: int, performance: Performance, tonic_key: int) -> int:
    """Return the MIDI key of a scale degree, moved by octaves into the instrument's range."""
    key = tonic_key + 12 * (degree // 7) + MODES[performance.mode][degree % 7]
    lowest, highest = key_range(performance)
    while key < lowest:
        key += 12
    while key > highest:
        key -= 12
    return key


def tonic_near_middle(performance: Performance, rng: np.random.Generator) -> int:
    """Return a MIDI key of the tonic: one of the two octaves nearest below the middle of the range."""
    lowest, highest = key_range(performance)
    middle = (lowest + highest) // 2
    below = middle - (middle - performance.tonic) % 12
    return below if below - 12 < lowest or rng.random() < 0.6 else below - 12


def compose_notes(performance: Performance, clip: int) -> list[Note]:
    """Return the notes of one clip; those struck last sound through the cut, as in an excerpt of a recording."""
    rng = np.random.default_rng([SEED, list(INSTRUMENTS).index(performance.label), performance.number, clip])
    beat_s = 60 / performance.tempo_bpm
    tonic_key = tonic_near_middle(performance, rng)
    events = [e for e in STYLES[performance.style](rng, CLIP_S / beat_s) if e.onset * beat_s < CLIP_S - 0.1]
    last_onset = max(e.onset for e in events)
    strum_s = INSTRUMENTS[performance.label].strum_s
    notes = []
    for number, event in enumerate(events):
        start_s = max(0.0, event.onset * beat_s + rng.normal(0, 0.004))
        end_s = start_s + event.length * beat_s * SOUNDING_SHARE[performance.articulation]
        end_s = max(end_s, CLIP_S + 1.0) if event.onset == last_onset else end_s
        upstroke = bool(strum_s) and number % 2 == 1
        keys = sorted({key_of_degree(d, performance, tonic_key) for d in event.degrees}, reverse=upstroke)
        for string, key in enumerate(keys):
            velocity = int(np.clip(performance.velocity * event.accent + rng.normal(0, 3), 30, 120))
            notes.append(Note(start_s + string * strum_s, end_s, key, velocity))
    return notes


def midi_messages(notes: list[Note]) -> list[tuple[int, bool, int, int]]:
    """Return (frame, is note-on, key, velocity) in order, at block limits; a key struck again is released first."""

    def frame_of(time_s: float) -> int:
        return round(time_s * SAMPLE_RATE_HZ / RENDER_FRAMES) * RENDER_FRAMES

    messages, sounding_until = [], {}
    for note in sorted(notes, reverse=True):  # from the end, so that the next onset of the key is known
        end = min(frame_of(note.end_s), sounding_until.get(note.key, 2**31))
        sounding_until[note.key] = frame_of(note.start_s)
        messages += [(frame_of(note.start_s), True, note.key, note.velocity), (end, False, note.key, 0)]
    return sorted(messages)  # False sorts before True: released, then struck


def render_notes(notes: list[Note], preset: int, sound_font: bytes) -> np.ndarray:
    """Return one clip, (frames,) int16, mono, from a new synthesizer: a used one still holds the last clip's tail."""
    from tinysoundfont import Synth

    synth = Synth(gain=GAIN_DB, samplerate=SAMPLE_RATE_HZ)
    synth.program_select(0, synth.sfload(sound_font), 0, preset)
    total = round(CLIP_S * SAMPLE_RATE_HZ)
    parts, position = [], 0
    for frame, is_on, key, velocity in [*midi_messages(notes), (10 * total, False, 0, 0)]:
        end = min(frame, -(-total // RENDER_FRAMES) * RENDER_FRAMES)
        if end > position:
            parts.append(np.frombuffer(synth.generate(end - position), np.float32).copy())
            position = end
        if frame >= total:
            break
        if is_on:
            if not synth.noteon(0, key, velocity):
                raise ValueError(f"preset {preset} does not play key {key}")
        else:
            synth.noteoff(0, key)
    mono = np.concatenate(parts).reshape(-1, 2)[:total].mean(axis=1, dtype=np.float64)  # nearly dual mono to begin with
    return np.clip(np.round(mono * 32768), -32768, 32767).astype(np.int16)


def read_sound_font() -> bytes:
    """Return TimGM6mb.sf2 out of the installed pretty_midi package; stop if it is not the file that was used."""
    package = importlib.util.find_spec("pretty_midi")
    if package is None or importlib.util.find_spec("tinysoundfont") is None:
        raise SystemExit("install what this needs: pip install --no-deps -r data/render_demo_requirements.txt")
    path = Path(package.submodule_search_locations[0]) / "TimGM6mb.sf2"
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOUND_FONT_SHA256:
        raise SystemExit(f"{path} has sha256 {found}, expected {SOUND_FONT_SHA256}: install pretty_midi==0.2.11.post0")
    return content


def preset_names(sound_font: bytes) -> dict[int, str]:
    """Return the sound font's own name of each preset used."""
    from tinysoundfont import Synth

    synth = Synth()
    font = synth.sfload(sound_font)
    used = sorted({program for instrument in INSTRUMENTS.values() for program in instrument.programs})
    return {program: synth.sfpreset_name(font, 0, program) for program in used}


def render_demo(folder: Path) -> None:
    """Write the clips (16-bit FLAC) and clips.csv into `folder`."""
    sound_font = read_sound_font()
    names = preset_names(sound_font)
    rows = []
    for performance in (p for label in INSTRUMENTS for p in draw_performances(label)):
        for clip in range(CLIPS_PER_PERFORMANCE):
            group = f"{performance.label}_{performance.number}"
            file = f"{performance.label}/{group}{'ab'[clip]}.flac"
            (folder / performance.label).mkdir(parents=True, exist_ok=True)
            samples = render_notes(compose_notes(performance, clip), performance.preset, sound_font)
            soundfile.write(folder / file, samples, SAMPLE_RATE_HZ, subtype="PCM_16", compression_level=1.0)
            rows.append(
                {
                    "file": file,
                    "label": performance.label,
                    "group": group,
                    "preset": performance.preset,
                    "preset_name": names[performance.preset],
                    "key": f"{TONICS[performance.tonic]} {performance.mode}",
                    "tempo_bpm": performance.tempo_bpm,
                    "style": performance.style,
                    "articulation": performance.articulation,
                    "velocity": performance.velocity,
                }
            )
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    demo = Path(__file__).parent / "demo"
    parser.add_argument("--folder", type=Path, default=demo, help="where to write (default: data/demo)")
    render_demo(parser.parse_args().folder)
