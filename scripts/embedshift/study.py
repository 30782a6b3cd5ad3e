"""One study as the Snakefile sees it: its conditions, its paths, and the settings of every job as canonical text.

A job's settings hold what changes its numbers and nothing else, so that a change of one line of the config reruns
what depends on that line. Needs only what Snakemake itself needs.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embedshift.canonical import canonical_json, digest_text
from embedshift.compatibility_twins import Twin, find_twins
from embedshift.effect_catalog import condition_settings, swept_parameter
from embedshift.errors import UserError
from embedshift.models.catalog import module_files, runs_on_gpu
from embedshift.plug_ins import plug_in_identity
from embedshift.shards import shard_suffixes
from embedshift.shared_embeddings import shared_file
from embedshift.strengths import text_of
from embedshift.weights_choice import WeightsChoice, choose_tokenizer, choose_weights

CLEAN = "clean"


class Study:
    """A complete config (see `configuration.complete_config`) with the questions that rules ask of it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.name: str = config["study"]
        self.results = config["results_folder"].rstrip("/") or "/"
        self.folder = f"{self.results}/studies/{self.name}"
        self._shards = {
            name: shard_suffixes(settings.get("shards", 1)) for name, settings in config["datasets"].items()
        }
        self.effected = effected_folder(self.results, config["effected_folder"])
        self.datasets: Mapping[str, Any] = config["datasets"]
        self.effects: Mapping[str, Any] = config["effects"]
        self.models: Mapping[str, Any] = config["models"]
        self._strengths = {
            name: {text_of(value): value for value in effect["strengths"]} for name, effect in self.effects.items()
        }
        self._plug_ins = {name: _identity_of(name, settings) for name, settings in self.models.items()}
        self._weights = {name: _weights_of(name, settings) for name, settings in self.models.items()}

    def strengths(self, effect: str) -> dict[str, float]:
        """Return `{text: value}` of an effect's strengths, from weakest to strongest."""
        return dict(self._strengths[effect])

    def conditions(self, effect: str) -> list[str]:
        """Return the conditions of one effect, from weakest to strongest."""
        return [f"{effect}/{text}" for text in self.strengths(effect)]

    def all_conditions(self) -> list[str]:
        """Return `clean` and the conditions of all effects."""
        return [CLEAN, *(condition for effect in self.effects for condition in self.conditions(effect))]

    def shards(self, dataset: str) -> list[str]:
        """Return what the names of the files of each shard end in; one empty text for a data set in one piece."""
        return self._shards[dataset]

    @property
    def in_shards(self) -> list[str]:
        """Return the data sets that are cut into several shards."""
        return [dataset for dataset in self.datasets if len(self._shards[dataset]) > 1]

    def embeddings(self, dataset: str, model: str, condition: str, shard: str = "") -> str:
        """Return the path of one embedding file."""
        return f"{self.results}/embeddings/{dataset}/{model}/{condition}{shard}.h5"

    def embedding_files(self, dataset: str, model: str, condition: str) -> list[str]:
        """Return the paths of the embeddings of one model at one condition, one for each shard."""
        return [self.embeddings(dataset, model, condition, shard) for shard in self._shards[dataset]]

    def audio(self, dataset: str, condition: str) -> list[str]:
        """Return the paths of the sound at one condition, one for each shard."""
        folder = f"{f'{self.results}/clips' if condition == CLEAN else self.effected}/{dataset}"
        return [f"{folder}/{condition}{shard}.h5" for shard in self._shards[dataset]]

    def shared(self, output: str, origin: str) -> Path | None:
        """Return where an embedding file of this origin stands for others too, None where nothing is shared."""
        folder = self.config["shared_embeddings"]
        return shared_file(folder, output, self.results, origin) if folder else None

    def weights(self, model: str) -> WeightsChoice | None:
        """Return the name and source of a model's weights, or None."""
        return self._weights[model]

    def weights_sources(self) -> dict[str, str]:
        """Return `{name: source}` of all weights of the study's models, and of their text towers' tokenizers."""
        tokenizers = [choose_tokenizer(settings) for settings in self.models.values()]
        return {choice.name: choice.source for choice in (*self._weights.values(), *tokenizers) if choice}

    def adapter_files(self, model: str) -> list[str]:
        """Return the library files that only the choice of the adapter, or of its compatibility, brings in."""
        settings = self.models[model]
        files = module_files(settings["adapter"], settings.get("backend", "embedshift"))
        return [*files, "models/published_sound.py"] if settings.get("compatibility") else files

    def rendering_files(self, effect: str) -> list[str]:
        """Return the library files that only the compatibility of an effect brings in."""
        return ["published_rendering.py"] if self.effects[effect].get("compatibility") else []

    def reader_files(self, dataset: str) -> list[str]:
        """Return the library files that only the choice of the reader brings in."""
        reader = self.datasets[dataset]["reader"]
        return [] if reader == "folder" else [f"readers/{reader}.py"]

    def download(self, dataset: str) -> dict[str, Any]:
        """Return what to fetch of a data set, and to where."""
        settings = self.datasets[dataset]
        return {"name": settings["download"], "folder": settings["folder"], "table": settings["table"]}

    def runs_on_gpu(self, model: str) -> bool:
        """Return whether a model's adapter makes use of a GPU."""
        return runs_on_gpu(self.models[model])

    def identities(self) -> dict[str, dict[str, Any]]:
        """Return what each name means, for the check that it means one thing in a results folder."""
        effect_keys = ("chain", "renormalise", "tail_s", "compatibility")
        return {
            "datasets": dict(self.datasets),
            "effects": {
                name: {key: effect[key] for key in effect_keys if key in effect}
                for name, effect in self.effects.items()
            },
            "models": dict(self.models),
        }

    def index_settings(self, dataset: str) -> str:
        """Return the settings of `index_dataset`."""
        settings = self.datasets[dataset]
        keys = ("reader", "folder", "table", "reader_options")
        return canonical_json({key: settings[key] for key in keys if key in settings})

    def preparation_settings(self, dataset: str, shard: str = "", sounds: str = "") -> str:
        """Return the settings of `prepare_clips`; of one of several shards with the digest of its sounds."""
        settings = {key: self.datasets[dataset][key] for key in ("folder", "preparation", "unusable_clips")}
        if shard:
            number = self._shards[dataset].index(shard) + 1
            settings |= {"shard": [number, len(self._shards[dataset])], "sounds": sounds}
        return canonical_json(settings)

    def clip_settings(self, dataset: str) -> str:
        """Return what decides the samples of a clip: the preparation, but not where the files lie."""
        return canonical_json(self.datasets[dataset]["preparation"])

    def effect_settings(self, dataset: str, effect: str, strength: str) -> str:
        """Return the settings of `apply_effect`: the chain at one strength."""
        return canonical_json(self._condition_settings(dataset, effect, self.strengths(effect)[strength]))

    def embedding_settings(self, dataset: str, model: str, condition: str) -> str:
        """Return the settings of `embed_clips`, with those of the audio that it embeds."""
        audio: Any = CLEAN
        if condition != CLEAN:
            effect, strength = condition.split("/")
            audio = self._condition_settings(dataset, effect, self.strengths(effect)[strength])
        names = {"dataset": dataset, "model": model, "condition": condition}
        return canonical_json({**names, **self._model_settings(model), "audio": audio})

    def sensitivity_settings(self, dataset: str, model: str, effect: str) -> str:
        """Return the settings of `measure_sensitivity`."""
        names = {"dataset": dataset, "model": model, "effect": effect, "seed": self.config["seed"]}
        sensitivity = dict(self.config["sensitivity"])
        maps = {"clips_per_class": sensitivity.pop("clips_in_maps")}
        return canonical_json({**names, **self._sweep(effect), "sensitivity": sensitivity, "maps": maps})

    def geometry_settings(self, dataset: str, model: str, effect: str) -> str:
        """Return the settings of `measure_geometry`."""
        names = {"dataset": dataset, "model": model, "effect": effect, "seed": self.config["seed"]}
        sensitivity = {key: value for key, value in self.config["sensitivity"].items() if key != "clips_in_maps"}
        chosen = {"sensitivity": sensitivity, "geometry": self.config["geometry"]}
        return canonical_json({**names, **self._sweep(effect), **chosen})

    @property
    def robust_effects(self) -> list[str]:
        """Return the effects whose robustness is studied, in the order of the config; none without the key."""
        return self.config["robustness"]["effects"] if "robustness" in self.config else []

    def robustness_settings(self, dataset: str, model: str, effect: str) -> str:
        """Return the settings of `measure_robustness`; `eraser_order` is there because keys are sorted."""
        names = {"dataset": dataset, "model": model, "effect": effect, "seed": self.config["seed"]}
        chosen = {key: value for key, value in self.config["robustness"].items() if key != "effects"}
        return canonical_json({**names, **self._sweep(effect), "robustness": chosen})

    def robustness_table_settings(self) -> str:
        """Return the settings of `tabulate_robustness`: whose rows, in which order."""
        return canonical_json({**self._order(), "effects": self.robust_effects})

    def robustness_figure_settings(self) -> str:
        """Return the settings of the rules that plot robustness; an empty text without the key."""
        if not self.robust_effects:
            return ""
        return canonical_json({**self._outline(), "figures": self.config["figures"], **self._robustness_shown()})

    @property
    def twins(self) -> list[Twin]:
        """Return the effects and models that differ from another by a published study's quirks only."""
        return find_twins(self.config)

    def compared_places(self) -> list[tuple[str, str]]:
        """Return every (model, effect) that is one side of a comparison of twins."""
        places = [(model, effect) for model in self.models for effect in self.effects]
        pairs = [twin.places(place) for twin in self.twins for place in places]
        compared = {side for pair in pairs if pair for side in pair}
        return [place for place in places if place in compared]

    def twin_settings(self) -> str:
        """Return the settings of `compare_twins`."""
        chosen = {key: self.config["sensitivity"][key] for key in ("bootstrap", "confidence", "permutations")}
        twins = [asdict(twin) for twin in self.twins]
        return canonical_json({**self._outline(), "twins": twins, "sensitivity": chosen, "seed": self.config["seed"]})

    def map_settings(self) -> str:
        """Return the settings of `map_trajectories`: all maps of the study."""
        strengths = {effect: list(self.strengths(effect)) for effect in self.effects}
        clips = self.config["sensitivity"]["clips_in_maps"]
        chosen = {**self.config["maps"], "clips_per_class": clips, "seed": self.config["seed"]}
        return canonical_json({"order": self._order(), "strengths": strengths, "maps": chosen})

    def table_settings(self) -> str:
        """Return the settings of `tabulate_sensitivity`: whose rows, in which order."""
        return canonical_json(self._order())

    def figure_settings(self) -> str:
        """Return the settings of the plotting rules."""
        return canonical_json({**self._outline(), "figures": self.config["figures"]})

    def example_settings(self, dataset: str, effect: str) -> str:
        """Return the settings of `render_examples`."""
        report = self.config["report"]
        quirks = self.effects[effect].get("compatibility")
        return canonical_json(
            ({"compatibility": quirks} if quirks else {})
            | {
                "dataset": dataset,
                "effect": effect,
                "chain": self.effects[effect]["chain"],
                "renormalise": self.effects[effect]["renormalise"],
                "tail_s": self.effects[effect]["tail_s"],
                "strengths": list(self.strengths(effect).values()),
                "strength_texts": list(self.strengths(effect)),
                "target_lufs": self.datasets[dataset]["preparation"]["target_lufs"],
                "number": report["example_strengths"],
                "clips": report["example_clips"],
                "seed": self.config["seed"],
            }
        )

    def description_settings(self) -> str:
        """Return the settings of `describe_study`: the whole config but for what only draws or schedules."""
        left_out = ("figures", "report", "embedding", "keep_effected_audio", "shared_embeddings", "effected_folder")
        kept = {key: value for key, value in self.config.items() if key not in left_out}
        return canonical_json({**kept, "order": self._order()})

    def report_settings(self) -> str:
        """Return the settings of `build_report`."""
        return canonical_json({**self._outline(), "report": self.config["report"], "figures": self.config["figures"],
                               "sensitivity": self.config["sensitivity"], "geometry": self.config["geometry"],
                               "maps": self.config["maps"], "seed": self.config["seed"],
                               **self._robustness_shown()})  # fmt: skip

    def _robustness_shown(self) -> dict[str, Any]:
        """Return the section `robustness` for figures and captions, where there is one."""
        return {"robustness": self.config["robustness"]} if self.robust_effects else {}

    def _model_settings(self, model: str) -> dict[str, Any]:
        """Return a model's settings with what its weights and its plug-in are, but not where a checkpoint lies."""
        settings = {key: value for key, value in self.models[model].items() if key != "weights_file"}
        weights = self.weights(model)
        settings |= {"weights": weights and weights.name, "weights_source": weights and weights.identity}
        return settings | ({"plug_in": self._plug_ins[model]} if self._plug_ins[model] else {})

    def _condition_settings(self, dataset: str, effect: str, strength: float) -> dict[str, Any]:
        target_lufs = self.datasets[dataset]["preparation"]["target_lufs"]
        return condition_settings(self.effects[effect], strength, target_lufs)

    def _order(self) -> dict[str, list[str]]:
        """Return the names in the order of the config; canonical text sorts the keys of a mapping."""
        return {kind: list(self.config[kind]) for kind in ("datasets", "models", "effects")}

    def _outline(self) -> dict[str, Any]:
        return {
            "study": self.name,
            "datasets": list(self.datasets),
            "models": list(self.models),
            "effects": {name: self._sweep(name) for name in self.effects},
            "effect_order": list(self.effects),
        }

    def _sweep(self, effect: str) -> dict[str, Any]:
        """Return how an effect is swept: parameter, unit, spacing, and the texts and values of its strengths."""
        settings = self.effects[effect]
        swept = swept_parameter(settings["chain"])
        strengths = self.strengths(effect)
        return {
            "parameter": swept[1] if swept else "",
            "unit": settings["unit"],
            "neutral": settings["neutral"],
            "spacing": _spacing(list(strengths.values())),
            "strengths": list(strengths),
            "values": list(strengths.values()),
        }


def effected_folder(results: str, chosen: str | None) -> str:
    """Return the folder of rendered audio; where several runs share the chosen one, each has its own part of it."""
    if chosen is None:
        return f"{results}/effected"
    return f"{chosen.rstrip('/')}/embedshift-{digest_text(str(Path(results).resolve()))[:8]}"


def _identity_of(model: str, settings: Mapping[str, Any]) -> str:
    try:
        return plug_in_identity(dict(settings))
    except UserError as error:
        raise UserError(f"models.{model}: {error}") from error


def _weights_of(model: str, settings: Mapping[str, Any]) -> WeightsChoice | None:
    key = f"models.{model}.weights_file" if "weights_file" in settings else f"models.{model}"
    try:
        return choose_weights(dict(settings))
    except UserError as error:
        raise UserError(f"{key}: {error}") from error


def _spacing(values: list[float]) -> str:
    """Return `geometric` when ratios of neighbours are more even than differences: the axis to draw them on."""
    if len(values) < 3 or min(values) <= 0:
        return "linear"
    ratios = [later / earlier for earlier, later in zip(values, values[1:], strict=False)]
    steps = [abs(later - earlier) for earlier, later in zip(values, values[1:], strict=False)]
    return "geometric" if max(ratios) / min(ratios) < max(steps) / min(steps) else "linear"
