"""Clips and effected clips to embeddings.

Required inputs: clean.h5 or effected audio, manifest.csv (of a shard, where there are several), the model's weights.
Outputs: data/weights/{weights}.safetensors with its receipt, results/embeddings/{dataset}/{model}/{condition}.h5.
"""


rule fetch_weights:
    output:
        weights="data/weights/{weights}.safetensors",
        receipt="data/weights/{weights}.receipt.json",
    log:
        "logs/fetch_weights/{weights}.log",
    conda:
        "../envs/models.yaml"
    params:
        source=lambda wildcards: STUDY.weights_sources()[wildcards.weights],
        code=code_of("fetch_weights.py"),
    message:
        "Fetching and verifying the weights {wildcards.weights}"
    script:
        "../scripts/fetch_weights.py"


rule embed_clips:
    input:
        unpack(weights_of),
        audio=audio_of,
        manifest=clips_of,
    output:
        embeddings="<results>/embeddings/{dataset}/{model}/{condition}{shard}.h5",
    log:
        "logs/embed_clips/{dataset}/{model}/{condition}{shard}.log",
    priority: 10
    group:
        group_of("embed_clips")
    conda:
        environment_of
    # Two models embed one condition side by side. An odd one would leave half the cores idle, since the next condition
    # is not rendered meanwhile: then each has them all. The numbers do not depend on it.
    threads: threads_of("embed_clips", share_of_cores=1 if len(STUDY.models) % 2 else 2)
    resources:
        **asked_by("embed_clips"),
    params:
        settings=lambda wildcards: STUDY.embedding_settings(wildcards.dataset, wildcards.model, wildcards.condition),
        code=lambda wildcards: embedding_code(wildcards.model, wildcards.condition),
        origin=lambda wildcards: embedding_origin(
            wildcards.dataset, wildcards.model, wildcards.condition, wildcards.shard
        ),
        # Snakemake does not compare parameters that are functions of the output: another folder embeds nothing again.
        shared=lambda wildcards, output: shared_place(wildcards),
    message:
        "Embedding {wildcards.condition} of {wildcards.dataset}{wildcards.shard} with {wildcards.model}"
    script:
        "../scripts/embed_clips.py"
