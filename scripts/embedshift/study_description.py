"""What a study ran, gathered from the config and the files that the jobs left: the contents of study.json."""

import json
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text
from embedshift.csv_rows import iterate_csv_rows, read_csv_rows
from embedshift.shards import without_shard
from embedshift.store import read_attributes, read_shape
from embedshift.strengths import text_of

LIBRARIES = ("numpy", "scipy", "h5py", "pedalboard", "soxr", "soundfile", "librosa", "torch", "matplotlib", "plotly")
CLEAN_FILE = "clean.h5"


def describe_study(
    *,
    manifests: Sequence[str],
    excluded: Sequence[str],
    notes: Sequence[str],
    embeddings: Sequence[str],
    analyses: Sequence[str],
    settings: str,
    description: str,
) -> None:
    """Write study.json: config, data sets, models, effects, embedding effort, versions, notes of the analyses.

    Files of data sets lie in a folder of the data set's name, embeddings in `{dataset}/{model}/{condition}.h5`,
    analyses in `{dataset}/{model}/{effect}.h5`.
    """
    config = json.loads(settings)
    attributes = {path: _told_by(path) for path in embeddings}
    tables = {kind: {Path(path).parent.name: path for path in paths}
              for kind, paths in (("manifest", manifests), ("excluded", excluded), ("notes", notes))}  # fmt: skip
    described = {
        "study": config["study"],
        "config": config,
        "datasets": [_dataset(name, settings, tables) for name, settings in _in_order(config, "datasets")],
        "models": [_model(name, settings, attributes) for name, settings in _in_order(config, "models")],
        "effects": [_effect(name, settings) for name, settings in _in_order(config, "effects")],
        "embedding": _embedding(attributes.values()),
        "versions": library_versions(attributes.values()),
        "analysis_notes": analysis_notes({path: read_attributes(path) for path in analyses}),
    }
    write_text(description, json.dumps(described, indent=1, ensure_ascii=False, default=str) + "\n")


def _in_order(config: Mapping[str, Any], kind: str) -> list[tuple[str, Any]]:
    """Return the names of one kind with their settings, in the order of the config (JSON text has sorted its keys)."""
    return [(name, config[kind][name]) for name in config.get("order", {}).get(kind, list(config[kind]))]


def _told_by(path: str) -> dict[str, Any]:
    """Return what an embedding file says of itself, without the long texts: there may be a hundred thousand files."""
    return {name: value for name, value in read_attributes(path).items() if name not in ("settings", "code")}


def _dataset(name: str, settings: Mapping[str, Any], tables: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    clips, groups, classes = count_clips(iterate_csv_rows(tables["manifest"][name]))
    left_out, notes = (tables[kind].get(name) for kind in ("excluded", "notes"))
    return {
        "name": name,
        "folder": settings["folder"],
        "preparation": settings["preparation"],
        "clips": clips,
        "groups": groups,
        "classes": classes,
        "excluded": read_csv_rows(left_out) if left_out else [],
        "notes": [row["note"] for row in read_csv_rows(notes)] if notes else [],
    }


def count_clips(clips: Iterable[Mapping[str, str]]) -> tuple[int, int, list[dict[str, Any]]]:
    """Return clips, groups, and `{label, clips, groups}` for each class, in the order of the alphabet."""
    clips_of: Counter[str] = Counter()
    groups_of: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for clip in clips:
        clips_of[clip["label"]] += 1
        groups_of[clip["label"]].add(_group(clip))
    classes = [{"label": label, "clips": clips_of[label], "groups": len(of)} for label, of in sorted(groups_of.items())]
    return clips_of.total(), len(set().union(*groups_of.values())), classes


def _group(clip: Mapping[str, str]) -> tuple[str, ...]:
    """Return what tells groups apart; a clip without a group is its own, as in the analyses."""
    return (clip["group"],) if clip["group"] else ("clip", clip["clip_id"])


def _model(name: str, settings: Mapping[str, Any], attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    own = {path: found for path, found in attributes.items() if _folder_of_model(path, found) == name}
    dims = [read_shape(path, "embedding")[1] for path in own if without_shard(path).name == CLEAN_FILE]
    first = next(iter(own.values()), {})
    return {
        "name": name,
        "adapter": settings["adapter"],
        "options": settings.get("options") or {},
        "precision": settings.get("precision", "float32"),
        "dim": max(dims, default=None),
        "frame_hop_s": first.get("frame_hop_s"),
        "weights_sha256": first.get("weights_sha256"),
        "devices": _devices(own.values()),
    }


def _folder_of_model(path: str, attributes: Mapping[str, Any]) -> str:
    """Return the model of an embedding file: what it says itself, else the folder under the data set's."""
    parts = Path(path).parts
    return str(attributes.get("model") or parts[len(parts) - parts[::-1].index("embeddings") + 1])


def _effect(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: settings[key] for key in ("chain", "unit", "neutral", "renormalise", "tail_s")}
    return {"name": name, **kept, "strengths": [text_of(value) for value in settings["strengths"]]}


def _embedding(attributes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    files = list(attributes)
    return {
        "files": len(files),
        "clips_embedded": int(sum(found.get("clips_embedded", 0) for found in files)),
        "seconds": round(float(sum(found.get("seconds", 0.0) for found in files)), 1),
        "devices": _devices(files),
    }


def _devices(attributes: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({str(found["device"]) for found in attributes if found.get("device")})


def library_versions(attributes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return versions of Python and the libraries; those that embedding files name win over those of this job.

    Files made with several versions are listed with all of them.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for file in attributes:
        for name in LIBRARIES:
            if f"{name}_version" in file:
                found[name][str(file[f"{name}_version"])] += 1
    stated = {name: ", ".join(sorted(counted)) for name, counted in found.items()}
    versions = {name: stated.get(name) or _installed(name) for name in LIBRARIES}
    return {"Python": platform.python_version(), **{name: text for name, text in versions.items() if text}}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def analysis_notes(attributes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each note of the analyses once, `{note, where}`, where as `dataset/model/effect`."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, found in attributes.items():
        for note in _as_notes(found.get("notes")):
            places[note].append("/".join(Path(path).with_suffix("").parts[-3:]))
    return [{"note": note, "where": where} for note, where in places.items()]


def _as_notes(value: Any) -> list[str]:
    """Return notes stored as one text (JSON list or lines) or as an array of texts."""
    if value is None:
        return []
    if isinstance(value, str):
        parsed = json.loads(value) if value.startswith("[") else value.splitlines()
        return [str(note) for note in parsed if str(note).strip()]
    return [note.decode() if isinstance(note, bytes) else str(note) for note in value]
