"""Effect and embedding against the usual way, in one run, on the same clips, effects, strengths and models.

The usual way: for each clip and strength, pedalboard, a 16-bit wav file, librosa.load at the model's rate, the network
with a batch of one in float32; embeddings gathered in memory. Front end and network are embedshift's own on both
sides, so that the ratio shows the road and the batches; for musicnn, a plain port of the published one (librosa's
front end, the network layer by layer) is timed as well, without a target. The usual way runs with one torch thread
and with all, and its faster figure counts.

Ours: apply_effect and embed_clips as their jobs call them, with all cores: HDF5 in and out, loudness measured, the
model loaded anew for each strength. The start of the Python processes, one a job, is not counted but printed.

Sides alternate and the fastest run of each counts. Targets: 1.5 times as fast in float32, 3 times where ours uses
bfloat16. Also with a target, 0.9: the speed of embed_clips over that of front end and network run bare, in batches, on
arrays at the model's rate, with the faster of two ways to use the cores. Seconds of CPU time are kept beside those of
the clock: on a machine that does other work as well, they are the steadier figure.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pedalboard
import soundfile
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from embedshift import embedding
from embedshift.atomic import write_atomically
from embedshift.batching import prepare_clip
from embedshift.device import CPU_BATCH_SIZE, one_thread_each, use_one_thread
from embedshift.embedding import embed_clips
from embedshift.models.load import load_adapter
from embedshift.models.musicnn import MusicnnAdapter
from embedshift.models.musicnn_networks import Musicnn, load_published, published_shapes
from embedshift.models.strict_state import read_strictly
from embedshift.rendering import apply_effect
from embedshift.store import AudioWriter, read_embeddings

REPOSITORY = Path(__file__).resolve().parents[1]
RESULT = REPOSITORY / "benchmarks" / "results" / "end_to_end.json"
CORES = len(os.sched_getaffinity(0))
RATE_HZ = 44_100
MUSICNN = {"adapter": "musicnn", "options": {"checkpoint": "MTT_musicnn", "layer": "penultimate"}}
MODELS = {
    "musicnn": MUSICNN | {"precision": "float32", "weights": "musicnn_MTT_musicnn"},
    "musicnn_bfloat16": MUSICNN | {"precision": "bfloat16", "weights": "musicnn_MTT_musicnn"},
    "timbre": {"adapter": "timbre", "options": {}, "precision": "float32", "weights": None},
}
REVERB_STRENGTHS = (0.1, 0.5, 0.9)


class PlainNetwork(Musicnn):
    """The published order of layers: convolution, ReLU, normalisation, and only then the maximum over frequency."""

    def _front_end(self, patches):
        signal = self.input_normalisation(patches[:, None])
        features = []
        for block in self.front:
            length = block.convolution.kernel_size[0]
            padded = functional.pad(signal, (0, 0, (length - 1) // 2, length - 1 - (length - 1) // 2))
            features.append(block(padded).amax(dim=3))
        return torch.cat(features, dim=1)


class PlainMusicnn(MusicnnAdapter):
    """musicnn as its package computes it: librosa's mel spectrogram, the network layer by layer."""

    def __init__(self, weights):
        network = PlainNetwork("penultimate")
        load_published(network, read_strictly(weights, published_shapes(network)))
        for block in network.front:
            block.orient()  # a second turn undoes the first
        super().__init__(network.to(memory_format=torch.contiguous_format), "penultimate", "cpu")

    def log_mel(self, batch):
        mel = librosa.feature.melspectrogram(y=batch[0], sr=16_000, n_fft=512, hop_length=256, n_mels=96)
        return torch.log10(10_000 * torch.from_numpy(mel.T.astype(np.float16).astype(np.float32)) + 1)[None]


def demo_clips(number):
    """Return `{clip: samples (3 s,)}` of the bundled demo recordings, shifted copies where there are too few."""
    files = sorted((REPOSITORY / "data" / "demo").glob("*/*.flac"))
    clips = {}
    for index in range(number):
        samples, _ = librosa.load(files[index % len(files)], sr=RATE_HZ, duration=3.0)
        samples = np.roll(librosa.util.fix_length(samples, size=3 * RATE_HZ), 997 * (index // len(files)))
        clips[f"clip{index:04d}"] = np.ascontiguousarray(samples, dtype=np.float32)
    return clips


class Bench:
    """One model over the same clips; each side is a method that runs the whole of it once."""

    def __init__(self, name, clips, weights_folder, folder):
        self.name, self.clips, self.folder = name, clips, folder
        self.model = MODELS[name]
        self.weights = weights_folder / f"{self.model['weights']}.safetensors" if self.model["weights"] else None
        self.adapter = load_adapter(self.model, self.weights, "cpu", self.model["precision"])
        self.reference_adapter = load_adapter(self.model, self.weights, "cpu", "float32")
        prepared = [prepare_clip(samples[:, None], RATE_HZ, self.adapter) for samples in clips.values()]
        starts = range(0, len(prepared), CPU_BATCH_SIZE)
        self.batches = [np.stack(prepared[start : start + CPU_BATCH_SIZE]) for start in starts]
        self.write_inputs()

    def write_inputs(self):
        (self.folder / "manifest.csv").write_text("clip_id\n" + "".join(f"{clip}\n" for clip in self.clips))
        with (
            write_atomically(self.folder / "clean.h5") as path,
            AudioWriter(path, sample_rate_hz=RATE_HZ, channels=1) as writer,
        ):
            for clip, samples in self.clips.items():
                writer.append(clip, samples[:, None], loudness_before_lufs=np.nan, loudness_after_lufs=np.nan)

    def usual_way(self, adapter, torch_threads):
        torch.set_num_threads(torch_threads)
        self.reference = [self.usual_strength(adapter, strength) for strength in REVERB_STRENGTHS]
        torch.set_num_threads(CORES)

    def usual_strength(self, adapter, strength):
        board = pedalboard.Pedalboard([pedalboard.Reverb(room_size=strength)])
        rows = []
        for clip, samples in self.clips.items():
            wav = self.folder / f"{clip}_{strength}.wav"
            soundfile.write(wav, board(samples, RATE_HZ, reset=True), RATE_HZ, subtype="PCM_16")
            loaded, _ = librosa.load(wav, sr=adapter.sample_rate_hz)
            rows.append(adapter.pool(adapter.embed(adapter.fit_length(loaded)[None])[0]))
            wav.unlink()
        return np.stack(rows)

    def ours(self):
        for strength in REVERB_STRENGTHS:
            self.render(strength, self.folder / f"{strength}.h5")
            self.embed(strength, self.folder / f"{strength}.h5")

    def embedding_alone(self):
        self.embed(0.5, self.folder / "0.5.h5")

    def render(self, strength, audio):
        condition = {
            "effect": {"chain": [{"processor": "Reverb", "room_size": "sweep"}]},
            "strength": strength,
            "strength_text": str(strength),
            "renormalise": False,
            "tail_s": 0.0,
            "target_lufs": None,
        }
        apply_effect(str(self.folder / "clean.h5"), str(audio), json.dumps(condition), "", CORES)

    def embed(self, strength, audio):
        settings = self.model | {"dataset": "d", "model": self.name, "condition": f"reverb/{strength}", "frames": False}
        embed_clips(
            manifest=self.folder / "manifest.csv",
            audio=audio,
            weights=self.weights,
            receipt=self.weights.with_name(self.weights.stem + ".receipt.json") if self.weights else None,
            output=self.output(strength),
            settings=json.dumps(settings),
            code="",
            device="cpu",
            threads=CORES,
        )

    def output(self, strength):
        return self.folder / "embeddings" / self.name / "reverb" / f"{strength}.h5"

    def forget_outputs(self):
        shutil.rmtree(self.folder / "embeddings", ignore_errors=True)

    def bare_side_by_side(self):
        """Run front end and network on arrays at the model's rate, batches in Python threads."""
        with one_thread_each(), ThreadPoolExecutor(CORES, initializer=use_one_thread) as pool:
            list(pool.map(self.pooled, self.batches))

    def bare_torch_threads(self):
        """Run the same batches one after the other, with torch's own threads."""
        for batch in self.batches:
            self.pooled(batch)

    def pooled(self, batch):
        return [self.adapter.pool(frames) for frames in self.adapter.embed(batch)]


def measure(bench, repeats):
    """Alternate all sides; return the fewest seconds of the clock and of CPU time of each."""
    sides = {
        "usual_one_thread": lambda: bench.usual_way(bench.reference_adapter, 1),
        "usual_all_threads": lambda: bench.usual_way(bench.reference_adapter, CORES),
        "ours": bench.ours,
        "embedding_alone": bench.embedding_alone,
        "bare_side_by_side": bench.bare_side_by_side,
        "bare_torch_threads": bench.bare_torch_threads,
    }
    if bench.name.startswith("musicnn"):
        plain = PlainMusicnn(bench.weights)
        sides |= {
            "usual_plain_one_thread": lambda: bench.usual_way(plain, 1),
            "usual_plain_all_threads": lambda: bench.usual_way(plain, CORES),
        }
    seconds = {clock: dict.fromkeys(sides, np.inf) for clock in ("clock", "cpu")}
    for _ in range(repeats):
        for side, run in sides.items():
            started_s, started_cpu_s = time.perf_counter(), time.process_time()
            run()
            seconds["cpu"][side] = min(seconds["cpu"][side], time.process_time() - started_cpu_s)
            seconds["clock"][side] = min(seconds["clock"][side], time.perf_counter() - started_s)
            if side == "ours":
                bench.found = [read_embeddings(bench.output(strength)).embedding for strength in REVERB_STRENGTHS]
            bench.forget_outputs()
    return seconds


def fastest(seconds, kind):
    return min(value for side, value in seconds.items() if side in (f"{kind}_one_thread", f"{kind}_all_threads"))


def ratios_of(bench, seconds):
    """Return `(what, ratio, target or None)` for one kind of seconds."""
    bare_s = min(seconds["bare_side_by_side"], seconds["bare_torch_threads"])
    target = 3.0 if bench.model["precision"] == "bfloat16" else 1.5
    yield "against the usual way", fastest(seconds, "usual") / seconds["ours"], target
    if "usual_plain_one_thread" in seconds:
        yield "against the usual way, plain network", fastest(seconds, "usual_plain") / seconds["ours"], None
    yield "embed_clips against the bare model", bare_s / seconds["embedding_alone"], 0.9


def median_cosine(bench):
    """Return how alike the embeddings of both sides are: the usual way's pass through 16 bits."""
    usual, ours = np.concatenate(bench.reference), np.concatenate(bench.found)
    return float(np.median((usual * ours).sum(axis=1) / np.linalg.norm(usual, axis=1) / np.linalg.norm(ours, axis=1)))


def summarise(bench, seconds):
    """Return one row for each ratio, all with the seconds they come from."""
    measured = {
        "cores": CORES,
        "clips": len(bench.clips),
        "strengths": len(REVERB_STRENGTHS),
        "median_cosine_of_both": median_cosine(bench),
        "seconds": seconds,
    }
    both_clocks = zip(ratios_of(bench, seconds["clock"]), ratios_of(bench, seconds["cpu"]), strict=True)
    return [
        {
            "name": f"{bench.name}: {what}",
            "target": "-" if target is None else f">= {target}",
            "value": ratio,
            "unit": "x",
            "met": target is None or ratio >= target,
            "value_in_cpu_time": cpu_ratio,
            **measured,
        }
        for (what, ratio, target), (_, cpu_ratio, _) in both_clocks
    ]


def seconds_to_start_a_job():
    """Return how long a Python process takes to import what embed_clips needs; a job pays it once."""
    command = [sys.executable, "-c", "import embedshift.embedding, torch"]
    started_s = time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY / "scripts")})
    return time.perf_counter() - started_s


def told(row):
    text = f"{row['name']}: {row['value']:.2f} (in CPU time {row['value_in_cpu_time']:.2f})"
    if row["target"] == "-":
        return text
    return f"{text}, target {row['target']}: {'reached' if row['met'] else 'NOT reached'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--weights", type=Path, default=REPOSITORY / "data" / "weights", help="folder of the weights")
    arguments = parser.parse_args()
    clips = demo_clips(arguments.clips)
    embedding.LOGGER.setLevel("ERROR")
    rows = []
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(name, clips, arguments.weights, Path(folder))
            of_model = summarise(bench, measure(bench, arguments.repeats))
        rows += of_model
        print("\n".join(map(told, of_model)), flush=True)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    start = {"target": "-", "value": seconds_to_start_a_job(), "unit": "s", "met": True}
    rows.append({"name": "start of one job's Python process, in no figure above"} | start)
    RESULT.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"{rows[-1]['name']}: {rows[-1]['value']:.1f} s")


if __name__ == "__main__":
    main()
