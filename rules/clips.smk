"""Sound files to clips of one rate, one length rule and one loudness.

Required inputs: results/clips/{dataset}/listing.csv (written by the main process), the sound files it lists.
Outputs: results/clips/{dataset}/index.csv, clean.h5, manifest.csv, excluded.csv, notes.csv.
"""


rule index_dataset:
    input:
        listing="<results>/clips/{dataset}/listing.csv",
    output:
        index="<results>/clips/{dataset}/index.csv",
        notes="<results>/clips/{dataset}/index_notes.csv",
    log:
        "logs/index_dataset/{dataset}.log",
    conda:
        "../envs/audio.yaml"
    params:
        settings=lambda wildcards: STUDY.index_settings(wildcards.dataset),
        code=code_of("index_dataset.py"),
    message:
        "Reading labels and groups of {wildcards.dataset}"
    script:
        "../scripts/index_dataset.py"


rule prepare_clips:
    input:
        index=rules.index_dataset.output.index,
        index_notes=rules.index_dataset.output.notes,
    output:
        clean="<results>/clips/{dataset}/clean.h5",
        manifest="<results>/clips/{dataset}/manifest.csv",
        excluded="<results>/clips/{dataset}/excluded.csv",
        notes="<results>/clips/{dataset}/notes.csv",
    log:
        "logs/prepare_clips/{dataset}.log",
    conda:
        "../envs/audio.yaml"
    threads: workflow.cores
    params:
        settings=lambda wildcards: STUDY.preparation_settings(wildcards.dataset),
        code=code_of("prepare_clips.py"),
    message:
        "Decoding, cutting and loudness-normalising the clips of {wildcards.dataset}"
    script:
        "../scripts/prepare_clips.py"
