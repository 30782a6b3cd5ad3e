"""A whole made study on disk: tables, study.json and sound examples, ready for `build_report`."""

import base64
import json

import numpy as np
from made_tables import CLASSES, CONFIG, made_settings, sensitivity_rows, trajectory_rows, umap_rows

from embedshift.examples import encode_mp3
from embedshift.tables import write_table

NEUTRAL = {"gain": -32.0}
CAPTIONS = (
    "workflow",
    "overview",
    "trajectories",
    "monotonicity",
    "spectra",
    "clip_by_clip",
    "common_motion",
    "distances",
    "directions",
    "dimensions",
    "umap",
    "claims",
    "displacement",
    "sounds",
    "sensitivity_table",
)


def made_page_inputs(folder, repository, settings=None, classes=CLASSES, clips=2, sounds=2) -> dict:
    """Write the inputs of a page into `folder` and return the arguments of `build_report`."""
    settings = settings or made_settings()
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "sensitivity.csv", sensitivity_rows(settings))
    mapped = [rows(settings, classes=classes, clips=clips) for rows in (trajectory_rows, umap_rows)]
    write_table(folder / "trajectories.csv", mapped[0] + mapped[1])
    (folder / "study.json").write_text(json.dumps(_description(json.loads(settings), classes)))
    return {
        "sensitivity": str(folder / "sensitivity.csv"),
        "trajectories": str(folder / "trajectories.csv"),
        "description": str(folder / "study.json"),
        "examples": _write_examples(folder, json.loads(settings), sounds),
        "captions": [str(repository / "report" / f"{name}.rst") for name in CAPTIONS],
        "template": str(repository / "report" / "page.html.j2"),
        "css": str(repository / "report" / "page.css"),
        "script": str(repository / "report" / "page.js"),
        "settings": settings,
        "page": str(folder / "report.html"),
    }


def _write_examples(folder, layout, sounds):
    tone = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)[:, np.newaxis].astype(np.float32) * 0.2
    encoded = base64.b64encode(encode_mp3(tone, 22050)).decode()
    paths = []
    for dataset in layout["datasets"]:
        for effect, sweep in layout["effects"].items():
            kept = ["clean", *sweep["strengths"][:: max(1, len(sweep["strengths"]) // 2)]]
            records = [
                {
                    "clip_id": f"clip{clip}",
                    "label": "flute",
                    "strength": text,
                    "audio_base64": encoded,
                    "loudness_lufs": -23.0,
                }
                for clip in range(sounds)
                for text in kept
            ]
            path = folder / "examples" / dataset / f"{effect}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(records))
            paths.append(str(path))
    return paths


def _description(layout, classes):
    counted = [{"label": label, "clips": 10, "groups": 5} for label in classes]
    dataset = {"folder": "data", "clips": 10 * len(classes), "groups": 5 * len(classes), "classes": counted}
    dataset |= {"preparation": {"channels": "mean", "target_lufs": -23}, "notes": ["2 of 35 clips: resampled."]}
    dataset["excluded"] = [{"clip_id": "broken", "file": "a/broken <b>.wav", "reason": "silent & empty"}]
    model = {
        "adapter": "timbre",
        "options": {"layer": "last"},
        "precision": "float32",
        "dim": 200,
        "frame_hop_s": 0.0116,
    }
    model |= {"weights_sha256": "0123456789abcdef" * 4, "devices": ["cpu"]}
    effect = {"chain": [{"processor": "Reverb", "damping": 0.5, "room_size": "sweep"}], "renormalise": True}
    effects = [
        {"name": name, **effect, "unit": sweep["unit"], "neutral": NEUTRAL.get(name), "strengths": sweep["strengths"]}
        for name, sweep in layout["effects"].items()
    ]
    return {
        "study": "made",
        "config": {**CONFIG, "seed": 1},
        "datasets": [{"name": name, **dataset} for name in layout["datasets"]],
        "models": [{"name": name, **model} for name in layout["models"]],
        "effects": effects,
        "embedding": {"files": 66, "clips_embedded": 2178, "seconds": 431.0, "devices": ["cpu"]},
        "versions": {"Python": "3.11.2", "numpy": "2.4.6"},
        "analysis_notes": [{"note": "Four folds instead of five.", "where": ["demo/musicnn/reverb"]}],
    }
