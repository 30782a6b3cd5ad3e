"""Clips and effected clips to embeddings.

Required inputs: clean.h5 or effected audio, manifest.csv, the model's weights.
Outputs: data/weights/{weights}.safetensors with its receipt, results/embeddings/{dataset}/{model}/{condition}.h5.
"""


def audio_of(wildcards):
    """Return the audio of a condition: the clean clips, compared through the manifest, or the rendered ones.

    An embedding that is up to date asks for none, or else rendering again for a new model would embed it again.
    """
    if wildcards.condition == "clean":
        return ancient(RESULTS + f"/clips/{wildcards.dataset}/clean.h5")
    of = (wildcards.dataset, wildcards.model, wildcards.condition)
    if is_up_to_date(Path(STUDY.embeddings(*of)), embedding_origin(*of)):
        return []
    return RESULTS + f"/effected/{wildcards.dataset}/{wildcards.condition}.h5"


def weights_of(wildcards):
    """Return the weights and their receipt; `ancient`, since fetching the same file again changes nothing."""
    name = STUDY.weights(wildcards.model)
    files = {
        "weights": f"data/weights/{name}.safetensors",
        "receipt": f"data/weights/{name}.receipt.json",
    }
    return {key: ancient(file) for key, file in files.items()} if name else {}


def embedding_code(model, condition):
    """Return digests of the embedding code, of the chosen adapter and of the code that made the audio."""
    scripts = ["embed_clips.py"] + ([] if condition == "clean" else ["apply_effect.py"])
    return code_of(*scripts, also=STUDY.adapter_files(model))


def embedding_origin(dataset, model, condition):
    """Return a digest of all that leads to one embedding file, from the listing of sounds on."""
    return origin_of(
        Path(RESULTS, "clips", dataset, "listing.csv"),
        STUDY.index_settings(dataset),
        code_of("index_dataset.py"),
        STUDY.preparation_settings(dataset),
        code_of("prepare_clips.py"),
        STUDY.embedding_settings(dataset, model, condition),
        embedding_code(model, condition),
    )


def embeddings_by_path():
    """Return `{path: (dataset, model, condition)}` for every embedding file of the study."""
    return {
        STUDY.embeddings(dataset, model, condition): (dataset, model, condition)
        for dataset in STUDY.datasets
        for model in STUDY.models
        for condition in STUDY.all_conditions()
    }


def needs_gpu(wildcards):
    device = STUDY.config["embedding"]["device"]
    return 1 if device == "cuda" or (device == "auto" and has_gpu()) else 0


rule fetch_weights:
    output:
        weights="data/weights/{weights}.safetensors",
        receipt="data/weights/{weights}.receipt.json",
    log:
        "logs/fetch_weights/{weights}.log",
    conda:
        "../envs/models.yaml"
    message:
        "Fetching and verifying the weights {wildcards.weights}"
    script:
        "../scripts/fetch_weights.py"


rule embed_clips:
    input:
        unpack(weights_of),
        audio=audio_of,
        manifest=rules.prepare_clips.output.manifest,
    output:
        embeddings=RESULTS + "/embeddings/{dataset}/{model}/{condition}.h5",
    log:
        "logs/embed_clips/{dataset}/{model}/{condition}.log",
    priority: 10
    conda:
        "../envs/models.yaml"
    # Half the cores, so that two models embed one condition side by side; the numbers do not depend on it.
    threads: max(1, workflow.cores // 2)
    resources:
        gpu=needs_gpu,
    params:
        settings=lambda wildcards: STUDY.embedding_settings(wildcards.dataset, wildcards.model, wildcards.condition),
        code=lambda wildcards: embedding_code(wildcards.model, wildcards.condition),
        origin=lambda wildcards: embedding_origin(wildcards.dataset, wildcards.model, wildcards.condition),
    message:
        "Embedding {wildcards.condition} of {wildcards.dataset} with {wildcards.model}"
    script:
        "../scripts/embed_clips.py"
