"""What jobs ask for: input functions, and parameters that are functions of wildcards; no rules.

Required inputs: STUDY and the imports of common.smk.
Outputs: none.
"""


def published_curves():
    """Return the file of published curves to draw over ours, where it is there."""
    return [path for path in ["studies/published/deng2025_curves.csv"] if Path(workflow.basedir, path).exists()]


def has_published_names():
    """Return whether a published curve is of a model and an effect that the study has under the same names."""
    rows = [row for path in published_curves() for row in read_csv_rows(Path(workflow.basedir, path))]
    return any(row["model"] in STUDY.models and row["effect"] in STUDY.robust_effects for row in rows)


MANIFEST = "<results>/clips/{dataset}/manifest.csv"
FIGURES = [
    "trajectories",
    "monotonicity",
    "spectra",
    "clip_by_clip",
    "common_motion",
    "distances",
    "displacement",
    "overview",
]
FIGURES += ["umap"] if STUDY.config["maps"]["umap"] else []
ROBUSTNESS_FIGURES = ["robustness", "erasure", "erasure_overview", "decodability"] if STUDY.robust_effects else []
ROBUSTNESS_FIGURES += ["published_curves"] if has_published_names() else []
TWINS = ["twins"] if STUDY.twins else []
CAPTIONS = [*FIGURES, *TWINS, "directions", "dimensions", "claims", "workflow", "sensitivity_table", "sounds"]
CAPTIONS += (
    [*ROBUSTNESS_FIGURES, "robustness_claims", "robustness_table", "probes", "removals"] if STUDY.robust_effects else []
)


def temp_unless_kept(path):
    """Return the path of rendered audio, as temporary unless the user wants to listen to it."""
    return path if STUDY.config["keep_effected_audio"] else temp(path)


def kept_audio():
    """Return the rendered audio of all conditions, where the user wants to listen to it."""
    conditions = STUDY.all_conditions()[1:] if STUDY.config["keep_effected_audio"] else []
    return [path for dataset in STUDY.datasets for condition in conditions for path in STUDY.audio(dataset, condition)]


def shards_of(kind):
    """Return a function of the wildcard dataset: the files `manifest`, `excluded` or `notes` of all its shards."""
    return lambda wildcards: [
        f"{RESULTS}/clips/{wildcards.dataset}/{kind}{shard}.csv" for shard in STUDY.shards(wildcards.dataset)
    ]


def clean_clips_of(wildcards):
    """Return the clean clips of all shards, compared through the manifest."""
    return [ancient(path) for path in STUDY.audio(wildcards.dataset, "clean")]


def index_of(wildcards):
    """Return the index, and what the reader said; of one of several shards `ancient` where it is up to date.

    The index changes with any clip. What of it concerns a shard stands in the digest among the shard's settings; what
    the reader said is for `join_clips`.
    """
    folder = f"{RESULTS}/clips/{wildcards.dataset}"
    if not wildcards.shard:
        return {name: f"{folder}/{name}.csv" for name in ("index", "index_notes", "index_excluded")}
    origin = origin_of(preparation_settings(wildcards), code_of("prepare_clips.py"))
    made = is_prepared(f"{folder}/clean{wildcards.shard}.h5", origin)
    by_row = STUDY.datasets[wildcards.dataset]["reader"] == "folder"
    return {"index": ancient(f"{folder}/index.csv") if made and by_row else f"{folder}/index.csv"}


def preparation_settings(wildcards):
    """Return the settings of the clips of a shard."""
    of = (wildcards.dataset, wildcards.shard)
    return STUDY.preparation_settings(*of, SOUNDS[of])


def audio_of(wildcards):
    """Return the audio of a condition: the clean clips, compared through the manifest, or the rendered ones.

    An embedding that is up to date asks for none, or else rendering again for a new model would embed it again.
    """
    if wildcards.condition == "clean":
        return ancient(f"{RESULTS}/clips/{wildcards.dataset}/clean{wildcards.shard}.h5")
    if is_embedded(wildcards) or is_shared(wildcards):
        return []
    return f"{STUDY.effected}/{wildcards.dataset}/{wildcards.condition}{wildcards.shard}.h5"


def clips_of(wildcards):
    """Return the manifest; `ancient` for an embedding that is up to date: it may change in labels and groups only."""
    manifest = f"{RESULTS}/clips/{wildcards.dataset}/manifest{wildcards.shard}.csv"
    return ancient(manifest) if is_embedded(wildcards) else manifest


def is_embedded(wildcards):
    """Return whether an embedding file is what would be made now."""
    of = (wildcards.dataset, wildcards.model, wildcards.condition, wildcards.shard)
    return is_up_to_date(STUDY.embeddings(*of), wildcards.condition, embedding_origin(*of))


def shared_place(wildcards):
    """Return where an embedding file stands for other results folders too; None where nothing is shared."""
    of = (wildcards.dataset, wildcards.model, wildcards.condition, wildcards.shard)
    return STUDY.shared(STUDY.embeddings(*of), embedding_origin(*of))


def is_shared(wildcards):
    """Return whether somebody else already made what an embedding job would make."""
    place = shared_place(wildcards)
    return place is not None and place.exists()


def weights_of(wildcards):
    """Return the weights and their receipt; `ancient` for an embedding that is up to date.

    Fetching the same file again changes nothing then. For any other embedding it must not be said: Snakemake leaves
    out what depends on a job that runs through `ancient` files alone, although its parameters changed as well.
    """
    weights = STUDY.weights(wildcards.model)
    if not weights or is_shared(wildcards):
        return {}
    files = {
        "weights": f"data/weights/{weights.name}.safetensors",
        "receipt": f"data/weights/{weights.name}.receipt.json",
    }
    return {key: ancient(file) for key, file in files.items()} if is_embedded(wildcards) else files


def environment_of(wildcards):
    """Return the conda environment of a model: the workflow's own, or that of the published package."""
    settings = STUDY.models[wildcards.model]
    official = settings.get("backend") == "official"
    return f"../envs/official_{settings['adapter']}.yaml" if official else "../envs/models.yaml"


def indexing_code(dataset):
    """Return digests of the code that lists the clips, of the chosen reader too."""
    return code_of("index_dataset.py", also=STUDY.reader_files(dataset))


def rendering_code(effect):
    """Return digests of the code that renders an effect."""
    return code_of("apply_effect.py", also=STUDY.rendering_files(effect))


def embedding_code(model, condition):
    """Return digests of the embedding code, of the chosen adapter and of the code that made the audio."""
    scripts = ["embed_clips.py"] + ([] if condition == "clean" else ["apply_effect.py"])
    rendering = [] if condition == "clean" else STUDY.rendering_files(condition.split("/")[0])
    return code_of(*scripts, also=[*STUDY.adapter_files(model), *rendering])


def conversion_code(model):
    """Return digests of the code that converts a model's weights; an empty text for a model without any."""
    return code_of(also=["weights_formats.py"]) if STUDY.weights(model) else ""


@cache
def embedding_origin(dataset, model, condition, shard):
    """Return a digest of all that leads to one embedding file: sounds, settings and code, but no label or group."""
    return origin_of(
        SOUNDS[dataset, shard],
        indexing_code(dataset),
        STUDY.clip_settings(dataset),
        code_of("prepare_clips.py"),
        STUDY.embedding_settings(dataset, model, condition),
        embedding_code(model, condition),
        conversion_code(model),
    )


def embeddings_by_path():
    """Return `{path: (dataset, model, condition)}` for every embedding file of the study."""
    return {
        path: (dataset, model, condition)
        for dataset in STUDY.datasets
        for model in STUDY.models
        for condition in STUDY.all_conditions()
        for path in STUDY.embedding_files(dataset, model, condition)
    }


def needs_gpu(wildcards):
    """Return 1 where the job will run on a GPU."""
    return needs_gpu_for(wildcards.model)


def needs_gpu_for(model):
    """Return 1 where a model will run on a GPU: asked for, or there and not forbidden."""
    device = STUDY.config["embedding"]["device"]
    there = device == "cuda" or (device == "auto" and has_gpu_driver())
    return 1 if there and STUDY.runs_on_gpu(model) else 0


def weights_files():
    """Return `{model: converted weights}` for the models that have weights and run in the workflow's own environment."""
    own = [model for model, settings in STUDY.models.items() if settings.get("backend") != "official"]
    chosen = {model: STUDY.weights(model) for model in own}
    return {model: f"data/weights/{weights.name}.safetensors" for model, weights in chosen.items() if weights}


def clean_of(wildcards):
    """Return the clean embeddings: one file, or one for each shard."""
    return STUDY.embedding_files(wildcards.dataset, wildcards.model, "clean")


def sweep_of(wildcards):
    """Return the embeddings of one effect, from the weakest strength to the strongest, all shards of each."""
    conditions = STUDY.conditions(wildcards.effect)
    of = (wildcards.dataset, wildcards.model)
    return [path for condition in conditions for path in STUDY.embedding_files(*of, condition)]


def measured(ending):
    """Return one kind of measured file for every data set, model and effect of the study."""
    return expand(
        "<study>/sensitivity/{dataset}/{model}/{effect}.{ending}",
        dataset=STUDY.datasets,
        model=STUDY.models,
        effect=STUDY.effects,
        ending=ending,
    )


def geometry_measured(ending):
    """Return one kind of file on geometry for every data set, model and effect of the study."""
    return expand(
        "<study>/geometry/{dataset}/{model}/{effect}.{ending}",
        dataset=STUDY.datasets,
        model=STUDY.models,
        effect=STUDY.effects,
        ending=ending,
    )


def compared_analyses():
    """Return the analyses of every model and effect that has a twin without its quirks, and of that twin."""
    return [
        f"{STUDY_FOLDER}/sensitivity/{dataset}/{model}/{effect}.h5"
        for dataset in STUDY.datasets
        for model, effect in STUDY.compared_places()
    ]


def compared_embeddings():
    """Return the embeddings of the same models and effects, and of their clean clips."""
    conditions = [
        (model, condition)
        for model, effect in STUDY.compared_places()
        for condition in ["clean", *STUDY.conditions(effect)]
    ]
    return [
        path
        for dataset in STUDY.datasets
        for condition in dict.fromkeys(conditions)
        for path in STUDY.embedding_files(dataset, *condition)
    ]


def maps_by_umap():
    """Return the rows of the maps by UMAP, where the config asks for them."""
    return ["<study>/maps/umap.csv"] if STUDY.config["maps"]["umap"] else []


def robustness_measured(ending):
    """Return one kind of file on robustness for every data set, model and studied effect; none without the key."""
    return expand(
        "<study>/robustness/{dataset}/{model}/{effect}.{ending}",
        dataset=STUDY.datasets,
        model=STUDY.models,
        effect=STUDY.robust_effects,
        ending=ending,
    )


def expected_erasers():
    """Return `{path: [settings, code]}` of every file of fitted erasers."""
    return {
        f"{STUDY_FOLDER}/robustness/{dataset}/{model}/{effect}.erasers.h5": [
            STUDY.robustness_settings(dataset, model, effect),
            code_of("measure_robustness.py"),
        ]
        for dataset in STUDY.datasets
        for model in STUDY.models
        for effect in STUDY.robust_effects
    }


def expected_outputs(wildcards):
    """Return `{path: [settings, code]}` for every file that carries what made it."""
    return (
        {
            path: [
                STUDY.preparation_settings(dataset, shard, SOUNDS[dataset, shard]),
                code_of("prepare_clips.py"),
            ]
            for dataset in STUDY.datasets
            for shard, path in zip(STUDY.shards(dataset), STUDY.audio(dataset, "clean"))
        }
        | {path: expected_embedding(*of) for path, of in embeddings_by_path().items()}
        | {
            f"{STUDY_FOLDER}/sensitivity/{dataset}/{model}/{effect}.h5": [
                STUDY.sensitivity_settings(dataset, model, effect),
                code_of("measure_sensitivity.py"),
            ]
            for dataset in STUDY.datasets
            for model in STUDY.models
            for effect in STUDY.effects
        }
        | {
            f"{STUDY_FOLDER}/geometry/{dataset}/{model}/{effect}.h5": [
                STUDY.geometry_settings(dataset, model, effect),
                code_of("measure_geometry.py"),
            ]
            for dataset in STUDY.datasets
            for model in STUDY.models
            for effect in STUDY.effects
        }
        | expected_erasers()
    )


def cost_plan(wildcards):
    """Return what estimate_cost must know: what there is to do, where it lies, and with which settings it is done."""
    first = next(iter(STUDY.datasets))
    return {
        "study": STUDY.name,
        "results": RESULTS,
        "effected": STUDY.effected,
        "cores": workflow.cores,
        "conditions_at_once": workflow.nodes or 1,
        "keeps_audio": STUDY.config["keep_effected_audio"],
        **STUDY.config["embedding"],
        "datasets": {
            dataset: {
                "listing": f"{RESULTS}/clips/{dataset}/listing.csv",
                "manifest": f"{RESULTS}/clips/{dataset}/manifest.csv",
                "index_settings": STUDY.index_settings(dataset),
                "preparation_settings": STUDY.preparation_settings(dataset),
                "clean": {
                    path: [
                        STUDY.preparation_settings(dataset, shard, SOUNDS[dataset, shard]),
                        code_of("prepare_clips.py"),
                    ]
                    for shard, path in zip(STUDY.shards(dataset), STUDY.audio(dataset, "clean"))
                },
            }
            for dataset in STUDY.datasets
        },
        # Of each effect the strength in the middle stands for all.
        "effects": {
            effect: STUDY.effect_settings(first, effect, texts[len(texts) // 2])
            for effect, texts in ((effect, list(STUDY.strengths(effect))) for effect in STUDY.effects)
        },
        "models": {model: model_to_measure(model, first) for model in STUDY.models},
        "embeddings": [
            [dataset, model, condition, shard, STUDY.embeddings(dataset, model, condition, shard)]
            + [state_of(dataset, model, condition, shard)]
            for dataset in STUDY.datasets
            for model in STUDY.models
            for condition in STUDY.all_conditions()
            for shard in STUDY.shards(dataset)
        ],
    }


def model_to_measure(model, dataset):
    """Return with what estimate_cost embeds a few clips."""
    weights = STUDY.weights(model)
    return {
        "settings": STUDY.embedding_settings(dataset, model, "clean"),
        "weights": weights and f"data/weights/{weights.name}.safetensors",
        "receipt": weights and f"data/weights/{weights.name}.receipt.json",
        "official": STUDY.models[model].get("backend") == "official",
        "on_gpu": bool(needs_gpu_for(model)),
    }


def state_of(dataset, model, condition, shard):
    """Return whether an embedding file is done, stands ready in shared_embeddings, or has to be computed."""
    of = SimpleNamespace(dataset=dataset, model=model, condition=condition, shard=shard)
    if is_embedded(of):
        return "done"
    return "shared" if is_shared(of) else "to do"


def command_of_this_study():
    """Return the command line that runs this study, config files included."""
    named = [os.path.relpath(path) for path in workflow.overwrite_configfiles]
    return " ".join(["snakemake", *(["--configfile", *named] if named else [])])


def expected_embedding(dataset, model, condition):
    """Return `[settings, code]` of one embedding file."""
    return [
        STUDY.embedding_settings(dataset, model, condition),
        embedding_code(model, condition),
    ]
