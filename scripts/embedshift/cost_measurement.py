"""A short measurement on the machine at hand: a few clips prepared, rendered and embedded as the jobs would do it."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.clips import prepare_clips
from embedshift.codehash import SCRIPTS
from embedshift.cost_time import Speed, Speeds
from embedshift.embedding import embed_clips
from embedshift.indexed_clips import IndexedClip, write_index
from embedshift.models.catalog import dim_of, module_files
from embedshift.rendering import apply_effect
from embedshift.store import AudioReader, read_embeddings

LOGGER = logging.getLogger("embedshift")

FEW, MORE = 2, 16
"""Clips of the two measurements: their difference is what clips cost, the rest is what a job costs."""
PATIENCE_S = 8.0
"""A network that takes longer for a few clips is not tried with more."""


@dataclass(frozen=True)
class Width:
    """What one clip's embedding holds: its dimension, and the frames that are kept with it."""

    dim: int
    frames_per_clip: float = 0.0
    frame_dim: int = 0


@dataclass(frozen=True)
class Sample:
    """Prepared clips of the measurement: the paths `clean` and `manifest`, and their length in seconds of audio."""

    clean: Path
    manifest: Path
    audio_s: float


class Measurement:
    """Times of a few clips of one data set, on as many threads as the jobs get; files lie in the folder `scratch`."""

    def __init__(self, plan: Mapping[str, Any], dataset: str, clips: Sequence[IndexedClip], scratch: Path) -> None:
        self.plan, self.dataset, self.scratch = plan, dataset, scratch
        self.start_s = _start_of_a_job_s("embedshift.rendering")
        self._outputs = 0
        self.few, _ = self._prepare(_spread(clips, FEW), "few")
        self.more, self._preparing_s = self._prepare(_spread(clips, MORE), "more")

    def speeds(self) -> tuple[Speeds, dict[str, Width], list[str]]:
        """Return the speeds, the width of each model's embeddings, and what could not be measured, in words."""
        preparing = Speed(self.start_s, self._preparing_s / self.more.audio_s)
        rendering = {name: self._rendering(settings) for name, settings in self.plan["effects"].items()}
        embedding, widths, notes = {}, {}, []
        for name, model in self.plan["models"].items():
            try:
                embedding[name], widths[name] = self._embedding(model)
            except Exception as error:  # whatever is wrong with one model, the others can be told
                embedding[name], widths[name] = None, Width(_known_dim(model))
                notes.append(f"{name} was not measured: {str(error).splitlines()[0]}")
        return Speeds(preparing, rendering, embedding), widths, notes

    def _prepare(self, clips: Sequence[IndexedClip], name: str) -> tuple[Sample, float]:
        """Prepare some clips; return them and the seconds that it took."""
        folder = self.scratch / name
        dataset = self.plan["datasets"][self.dataset]
        settings = json.loads(dataset["preparation_settings"])
        write_index(folder / "index.csv", clips)
        files = {key: folder / f"{key}.csv" for key in ("manifest", "excluded", "notes")}
        began_s = time.monotonic()
        prepare_clips(
            index=folder / "index.csv",
            folder=settings["folder"],
            clean=folder / "clean.h5",
            settings=json.dumps(settings | {"unusable_clips": "exclude"}),
            code="",
            threads=self.plan["cores"],
            **files,
        )
        took_s = time.monotonic() - began_s
        with AudioReader(folder / "clean.h5") as reader:
            audio_s = float(np.diff(reader.offset).sum()) / reader.sample_rate_hz
        return Sample(folder / "clean.h5", files["manifest"], audio_s), took_s

    def _rendering(self, settings: str) -> Speed:
        output = self.scratch / "effect" / "rendered.h5"

        def render(sample: Sample) -> None:
            apply_effect(str(sample.clean), str(output), settings, "", self.plan["cores"], sample.manifest)

        return self._speed(render, self.start_s)

    def _embedding(self, model: Mapping[str, Any]) -> tuple[Speed, Width]:
        if model["weights"] and not Path(model["weights"]).exists():
            raise FileNotFoundError("its weights are not there yet (`snakemake --until fetch_weights` fetches them)")
        if model["official"]:
            raise NotImplementedError("the published package runs in an environment of its own")
        written = []

        def embed(sample: Sample) -> None:
            self._outputs += 1
            written.append(self.scratch / f"output_{self._outputs}" / "clean.h5")
            embed_clips(
                sample.manifest,
                sample.clean,
                model["weights"],
                model["receipt"],
                written[-1],
                model["settings"],
                "",
                device=self.plan["device"],
                batch_size=self.plan["batch_size"],
                threads=max(1, self.plan["cores"] // 2),
            )

        start_s = _start_of_a_job_s("embedshift.embedding", *(["torch"] if _needs_torch(model) else []))
        return self._speed(embed, start_s), _width_of(written[-1])

    def _speed(self, work: Callable[[Sample], None], start_s: float) -> Speed:
        """Return what `work` costs a job and a second of audio; its first call, which imports libraries, counts not."""
        first_s = _seconds(work, self.few)
        few_s = _seconds(work, self.few) if first_s < PATIENCE_S else first_s
        if few_s > PATIENCE_S or self.more.audio_s <= self.few.audio_s:
            return Speed(start_s, few_s / self.few.audio_s)
        slope = max(0.0, (_seconds(work, self.more) - few_s) / (self.more.audio_s - self.few.audio_s))
        return Speed(start_s + max(0.0, few_s - slope * self.few.audio_s), slope)


def _seconds(work: Callable[[Sample], None], sample: Sample) -> float:
    began_s = time.monotonic()
    work(sample)
    return time.monotonic() - began_s


def _start_of_a_job_s(*modules: str) -> float:
    """Return the seconds until a new Python process has imported `modules`, the faster of two."""
    command = [sys.executable, "-c", f"import {', '.join(modules)}"]
    took_s = []
    for _ in range(2):
        began_s = time.monotonic()
        subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}, check=True)
        took_s.append(time.monotonic() - began_s)
    return min(took_s)


def what_disturbs(cores: int) -> list[str]:
    """Return a sentence where other programs kept the cores busy meanwhile, so that all was slower than it need be."""
    load = os.getloadavg()[0]
    if load <= 1.5 * cores:
        return []
    return [f"Other programs are at work here (load {load:.1f} on {cores} cores): alone, it takes less time."]


def _needs_torch(model: Mapping[str, Any]) -> bool:
    files = module_files(json.loads(model["settings"])["adapter"])
    return any("import torch" in (SCRIPTS / "embedshift" / file).read_text(encoding="utf-8") for file in files)


def _known_dim(model: Mapping[str, Any]) -> int:
    """Return the dimension that the catalog states; where only the loaded model knows, that of a middling model."""
    return dim_of(json.loads(model["settings"])) or 1024


def _width_of(output: Path) -> Width:
    found = read_embeddings(output)
    if found.frames is None:
        return Width(found.embedding.shape[1])
    return Width(found.embedding.shape[1], len(found.frames) / len(found.clip_id), found.frames.shape[1])


def _spread(clips: Sequence[IndexedClip], count: int) -> list[IndexedClip]:
    """Return `count` clips, or all, at even distances."""
    count = min(count, len(clips))
    return [clips[place * len(clips) // count] for place in range(count)]
