"""Plausible tables of a study, made from a seed: what the analysis would write, for tests of figures and page."""

import json

import numpy as np

from embedshift.strengths import text_of

EFFECTS = {
    "reverb": ("room_size", "", np.round(np.arange(0.01, 1.001, 0.11), 2), "linear"),
    "lowpass": ("cutoff_frequency_hz", "", np.round(np.geomspace(18333.333, 1600, 9), 3), "geometric"),
    "bitcrush": ("bit_depth", "bit", np.arange(15, 3, -2), "linear"),
    "time_reverse": (None, "", np.array([1.0]), "linear"),
}
CLASSES = ("cello", "clarinet", "flute")
CONFIG = {
    "study": "made",
    "seed": 1,
    "sensitivity": {"folds": 5, "permutations": 200, "bootstrap": 1000, "confidence": 0.95},
    "geometry": {"ridge_share": 0.1, "neighbours": 10, "rotations": 39, "most_clips": 4096},
    "maps": {"umap": True, "umap_neighbours": 15, "umap_points": 5000},
    "report": {"title": "A made study", "example_clips": 1, "example_strengths": 3},
    "robustness": {
        "eraser_order": [
            "none",
            "average_displacement",
            "normalised_displacement_pca",
            "cca_sample_wise",
            "augmentation",
        ],
        "augmentation": "augmentation",
        "effects": ["reverb", "lowpass", "bitcrush"],
        "fit_on": "class",
        "protocol": "grouped",
        "bootstrap": 1000,
        "confidence": 0.95,
        "permutations": 200,
    },
}


def made_settings(datasets=("demo",), models=("musicnn", "crepe", "timbre"), effects=EFFECTS) -> str:
    """Return the settings text that the figure rules get."""
    described = {name: _described(*effect) for name, effect in effects.items()}
    layout = {"study": "made", "datasets": list(datasets), "models": list(models), "effects": described}
    return json.dumps({**layout, "figures": {}, **CONFIG})


def _described(parameter, unit, values, spacing):
    texts = [text_of(value) for value in values]
    return {"parameter": parameter, "unit": unit, "strengths": texts, "values": values.tolist(), "spacing": spacing}


def sensitivity_rows(settings: str, seed: int = 1) -> list[dict]:
    """Return rows of sensitivity.csv for every data set, model and effect of the settings."""
    rng, rows = np.random.default_rng(seed), []
    for place, effect in _places(settings):
        count = len(effect["strengths"])
        rows += _sizes(place, effect, rng, strength=np.linspace(0.1, 1, count) if count > 1 else np.ones(1))
        if count > 1:
            rows += _directions(place, effect, rng) + _spectra(place, rng)
        rows += _geometry(place, effect, np.random.default_rng(seed + 1))
    return rows


def robustness_rows(settings: str, seed: int = 1) -> list[dict]:
    """Return rows of robustness.csv: sample-wise directions help at every strength of reverb, others change nothing."""
    rng, rows = np.random.default_rng(seed), []
    chosen = json.loads(settings)["robustness"]
    for place, effect in _places(settings):
        if place["effect"] in chosen["effects"]:
            for label in ("all", *CLASSES):
                for eraser in chosen["eraser_order"]:
                    rows += _probed(place | {"label": label}, effect["strengths"], eraser, rng)
            rows += _decoded(place, chosen["eraser_order"][:-1])
    return rows


def _probed(place, strengths, eraser, rng):
    helps = 0.02 if (eraser, place["effect"]) == ("cca_sample_wise", "reverb") else 0.0
    p_value = 0.001 if helps else 0.8
    named = {"split": "held_out", "eraser": "none" if eraser == "augmentation" else eraser}
    clean = "augmented" if eraser == "augmentation" else "clean"
    rows = [place | named | {"measure": "roc_auc", "train": clean, "test": "clean", **_with_interval(0.95, 0.02)}]
    for train, test in ((clean, "effected"), *([("effected", "clean")] if clean == "clean" else [])):
        ends = named | {"train": train, "test": test}
        for number, text in enumerate(strengths):
            auc = _with_interval(0.95 - 0.02 * number + helps + rng.normal(0, 0.001), 0.02)
            rows.append(place | ends | {"measure": "roc_auc", "strength": text, **auc})
        for text in (*strengths, "") if eraser != "none" else ():
            variant = "against_none" if text else "mean_over_strengths"
            change = {"null_mean": 0.0, "p_value": p_value, **_with_interval(helps + rng.normal(0, 1e-4), 0.01)}
            rows.append(
                place | ends | {"measure": "roc_auc_difference", "variant": variant, "strength": text, **change}
            )
    return rows


def _decoded(place, erasers):
    for number, eraser in enumerate(erasers):
        for probe, more in (("linear", 0.0), ("non_linear", 0.1)):
            found = {"null_mean": -0.01, "p_value": 0.005, **_with_interval(0.8 - 0.2 * number + more, 0.05)}
            row = {"measure": "strength_r2", "variant": probe, "split": "held_out", "eraser": eraser}
            yield place | row | found


def _places(settings):
    layout = json.loads(settings)
    for dataset in layout["datasets"]:
        for model in layout["models"]:
            for name, effect in layout["effects"].items():
                yield {"dataset": dataset, "model": model, "effect": name, "label": "all", "n": 110}, effect


def _with_interval(value, width):
    return {"value": value, "ci_low": value - width, "ci_high": value + width}


def _sizes(place, effect, rng, strength):
    largest, alignment, rows = rng.uniform(0.4, 2.0), rng.uniform(0.3, 0.9), []
    for text, share in zip(effect["strengths"], strength, strict=True):
        size = largest * share
        at = {**place, "strength": text}
        rows.append({**at, "measure": "displacement_norm", "variant": "relative", **_with_interval(size, 0.1 * size)})
        rows.append({**at, "measure": "displacement_norm", "variant": "absolute", **_with_interval(3 * size, 0.3)})
        rows.append({**at, "measure": "cosine_to_clean", **_with_interval(1 - 0.2 * size, 0.02)})
        aligned = alignment * share**0.5
        rows.append({**at, "measure": "cosine_alignment", **_with_interval(aligned, 0.06)})
    return rows


def _directions(place, effect, rng):
    held_out, rows = rng.uniform(0.1, 0.97), []
    null = {"null_mean": 0.003, "p_value": 1 / 201}
    spearman = {**place, "measure": "squared_spearman", "variant": "global_direction"}
    ceiling = {**place, "measure": "squared_spearman_ceiling", "variant": "global_direction"}
    rows += [{**ceiling, "label": label, "value": 1 - 1 / len(effect["strengths"]) ** 2} for label in ("all", *CLASSES)]
    rows.append({**spearman, "split": "in_sample", **_with_interval(min(0.99, held_out + 0.1), 0.01), "null_mean": 0.2})
    rows.append({**spearman, "split": "held_out", **_with_interval(held_out, 0.03), **null})
    for label in CLASSES:
        value = held_out - rng.uniform(0, 0.3)
        rows.append({**spearman, "label": label, "split": "held_out", **_with_interval(value, 0.08), **null, "n": 10})
    curve = np.linspace(-1.4, 1.4, len(effect["strengths"])) + rng.normal(0, 0.08, len(effect["strengths"]))
    standardised = {**place, "measure": "held_out_projection", "variant": "standardised", "split": "held_out"}
    for text, value in zip(effect["strengths"], curve, strict=True):
        rows.append({**standardised, "strength": text, **_with_interval(float(value), 0.15)})
    return rows


def _geometry(place, effect, rng):
    """Return rows of the geometry with a generator of its own, so that the other rows stay what they were."""
    cosine, null = rng.uniform(0.2, 0.8), {"null_mean": -0.001, "p_value": 1 / 201}
    shares = (("mean_cosine", "between_groups"), ("common_share", "translation"), ("common_share", "rank_one"))
    rows = []
    for number, (measure, variant) in enumerate(shares):
        for text in [*effect["strengths"], ""]:
            value = _with_interval(cosine + 0.05 * number, 0.05)
            rows.append({**place, "strength": text, "measure": measure, "variant": variant, **value, **null})
    if len(effect["strengths"]) > 1:
        spearman = {**place, "measure": "squared_spearman"}
        rows.append({**spearman, "variant": "sample_wise_directions", "split": "in_sample", **_with_interval(1.0, 0)})
        left_out = {"variant": "sample_wise_ridge", "split": "held_out", **_with_interval(0.6, 0.1)}
        rows.append({**spearman, **left_out, "null_mean": -0.3, "p_value": 1 / 201})
        share = {**place, "measure": "squared_spearman_share"}
        for variant, split, edges in (
            ("sample_wise_directions", "in_sample", {"+0.95": 1.0}),
            ("sample_wise_ridge", "held_out", {"-0.10": 0.25, "+0.60": 0.5, "+0.95": 0.25}),
        ):
            rows += [{**share, "variant": f"{variant}/{edge}", "split": split, "value": v} for edge, v in edges.items()]
        condition = {"measure": "condition_number", "variant": "pooled_embeddings", "value": 4321.0}
        rows.append({**place, **condition})
        for variant in ("global_pls", "global_ridge"):
            of_kind = {"variant": variant, "split": "held_out", **_with_interval(0.7, 0.05), **null}
            rows.append({**spearman, **of_kind})
            rows.append({**spearman, **of_kind, "split": "in_sample"})
        for number, text in enumerate(effect["strengths"][1:]):
            step = _with_interval(0.2 + 0.4 * number, 0.1)
            rows.append({**place, "measure": "relative_step", "strength": text, **step})
        rows.append({**place, "measure": "turning_degrees", "variant": "mean", **_with_interval(35.0, 5)})
        for variant, value in (("largest_step", 2.5), ("at_one_strength", 1.7)):
            row = {**place, "measure": "jump", "variant": variant, **_with_interval(value, 0.2)}
            rows.append({**row, "null_mean": 1.2, "p_value": 1 / 201})
    for variant, value in (("between_groups", 2.5), ("noise_corrected", 2.1)):
        row = {**place, "measure": "participation_ratio", "variant": variant}
        rows.append({**row, **_with_interval(value, 0.3)})
    shared = {**place, "measure": "shared_rank", "variant": "parallel_analysis", "value": 3.0, "p_value": 1 / 40}
    share = {**place, "measure": "first_component_share", "value": 0.4, "null_mean": 0.1, "p_value": 1 / 40}
    ninety = {**place, "measure": "components_for_90_percent"}
    for variant, value in (("interpolated", 7.0), ("noise_corrected", 2.4)):
        rows.append({**ninety, "variant": variant, **_with_interval(value, 0.6)})
    return [*rows, shared, share, *_clouds(place, effect)]


def _clouds(place, effect):
    """Return distances between clean and effected clouds, and intrinsic dimensions, rising with strength."""
    rows = []
    for name, value in (("two_nn", 6.0), ("levina_bickel", 5.5)):
        row = {**place, "measure": "intrinsic_dimension", "variant": f"{name}/clean", "strength": ""}
        rows.append({**row, **_with_interval(value, 0.5)})
        row |= {"variant": f"{name}/displacements"}
        rows += [{**row, "strength": text, **_with_interval(value - 2, 0.4)} for text in effect["strengths"]]
    for number, text in enumerate(effect["strengths"], 1):
        share, at = number / len(effect["strengths"]), {**place, "strength": text}
        for variant, offset in (("sample", 1.0), ("limit", 0.0)):
            distance = {"measure": "frechet", "variant": variant, **_with_interval(40 * share + offset, 2)}
            rows.append({**at, **distance, "null_mean": None, "p_value": None})
        for measure, variant, value, null in (
            ("mmd", "polynomial", 3 * share, 0.0),
            ("mmd", "gaussian", 0.2 * share, 0.0),
            ("cka_debiased", "", 1 - 0.6 * share, 0.001),
            ("procrustes", "", 0.5 * share, 0.8),
        ):
            with_null = {**_with_interval(value, 0.1 * share), "null_mean": null, "p_value": 1 / 20}
            rows.append({**at, "measure": measure, "variant": variant, **with_null})
    return rows


def _spectra(place, rng):
    shares = rng.uniform(0.5, 0.8) ** np.arange(20)
    shares /= shares.sum()
    ratio = float(1 / np.sum(shares**2))
    rows = [{**place, "measure": "participation_ratio", "variant": "displacements", **_with_interval(ratio, 0.5)}]
    rows.append({**place, "measure": "participation_ratio", "variant": "clean", **_with_interval(12.0, 1.0)})
    for number, share in enumerate(shares, 1):
        variant = f"component_{number:03d}"
        rows.append({**place, "measure": "displacement_variance_share", "variant": variant, "value": float(share)})
    for kind, slope in (("sample_wise_directions", 0.99), ("clean", 0.93)):
        for number in range(50):
            variant = f"{kind}/{number + 1:03d}"
            rows.append({**place, "measure": "singular_value", "variant": variant, "value": slope**number})
    return rows


def trajectory_rows(settings: str, seed: int = 1, classes=CLASSES, clips: int = 2) -> list[dict]:
    """Return rows of trajectories.csv: `clips` clips and the mean of each class."""
    rng, rows = np.random.default_rng(seed), []
    for place, effect in _places(settings):
        for component, share in zip(("pc1", "pc2", "pc3"), (0.43, 0.21, 0.08), strict=True):
            rows.append({**place, "measure": "explained_share", "variant": component, "value": share})
        path = _bent_path(len(effect["strengths"]), rng)
        for label in classes:
            centre = rng.normal(0, 2, 3)
            names = [f"{label}-{number:02d}" for number in range(clips)] + ["mean"]
            for name in names:
                start = centre + (0 if name == "mean" else rng.normal(0, 0.7, 3))
                rows += _points({**place, "label": label, "variant": name}, effect, start, path)
    return rows


def umap_rows(settings: str, seed: int = 1, classes=CLASSES, clips: int = 2) -> list[dict]:
    """Return the rows of maps by UMAP: `clips` clips of each class."""
    rows = trajectory_rows(settings, seed, classes, clips)
    kept = [row for row in rows if row["measure"] in ("pc1", "pc2") and row["variant"] != "mean"]
    return [{**row, "measure": f"umap{row['measure'][-1]}"} for row in kept]


def _bent_path(count, rng):
    along = np.linspace(0.1, 1, count)[:, np.newaxis]
    return along * rng.normal(0, 1.5, 3) + along**2 * rng.normal(0, 1, 3)


def _points(at, effect, start, path):
    points = [("clean", start), *zip(effect["strengths"], start + path, strict=True)]
    return [
        {**at, "strength": text, "measure": f"pc{axis + 1}", "value": float(point[axis])}
        for text, point in points
        for axis in range(3)
    ]
