"""Sound files to clips of one rate, one length rule and one loudness.

Required inputs: results/clips/{dataset}/listing.csv (written by the main process), the sound files it lists.
Outputs: results/clips/{dataset}/index.csv, clean.h5, manifest.csv, excluded.csv, notes.csv; of a data set that is to be
fetched and is not there yet, its folder and the listing. The wildcard shard is empty for a data set in one piece; of
one in shards there are clean, manifest, excluded and notes of each, `clean.shard_1_of_4.h5`, and join_clips makes
manifest.csv, excluded.csv and notes.csv of them.
"""


# A data set in shards has no file of its clips but those of the shards.
ruleorder: join_clips > prepare_clips


# Only for data sets that are not there: of all others, and of this one at the next start, the main process writes the
# listing.
rule fetch_dataset:
    output:
        listing="<results>/clips/{dataset}/listing.csv",
    log:
        "logs/fetch_dataset/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(TO_BE_FETCHED),
    conda:
        "../envs/models.yaml"
    params:
        download=lambda wildcards: STUDY.download(wildcards.dataset),
        code=code_of("fetch_dataset.py"),
    message:
        "Fetching, verifying and unpacking the data set {wildcards.dataset}"
    script:
        "../scripts/fetch_dataset.py"


rule index_dataset:
    input:
        listing="<results>/clips/{dataset}/listing.csv",
    output:
        index="<results>/clips/{dataset}/index.csv",
        notes="<results>/clips/{dataset}/index_notes.csv",
        excluded="<results>/clips/{dataset}/index_excluded.csv",
    log:
        "logs/index_dataset/{dataset}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=lambda wildcards: STUDY.index_settings(wildcards.dataset),
        code=lambda wildcards: indexing_code(wildcards.dataset),
    message:
        "Reading labels and groups of {wildcards.dataset}"
    script:
        "../scripts/index_dataset.py"


rule prepare_clips:
    input:
        unpack(index_of),
    output:
        clean="<results>/clips/{dataset}/clean{shard}.h5",
        manifest="<results>/clips/{dataset}/manifest{shard}.csv",
        excluded="<results>/clips/{dataset}/excluded{shard}.csv",
        notes="<results>/clips/{dataset}/notes{shard}.csv",
    log:
        "logs/prepare_clips/{dataset}{shard}.log",
    group:
        group_of("prepare_clips")
    conda:
        "../envs/audio.yaml"
    threads: threads_of("prepare_clips")
    resources:
        **asked_by("prepare_clips"),
    params:
        settings=preparation_settings,
        code=code_of("prepare_clips.py"),
    message:
        "Decoding, cutting and loudness-normalising the clips of {wildcards.dataset}{wildcards.shard}"
    script:
        "../scripts/prepare_clips.py"


rule join_clips:
    input:
        index=rules.index_dataset.output.index,
        index_notes=rules.index_dataset.output.notes,
        index_excluded=rules.index_dataset.output.excluded,
        manifests=shards_of("manifest"),
        excluded=shards_of("excluded"),
        remarks=shards_of("notes"),
    output:
        manifest="<results>/clips/{dataset}/manifest.csv",
        excluded="<results>/clips/{dataset}/excluded.csv",
        notes="<results>/clips/{dataset}/notes.csv",
    log:
        "logs/join_clips/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(STUDY.in_shards),
    conda:
        "../envs/analysis.yaml"
    params:
        code=code_of("join_clips.py"),
    message:
        "Joining the shards of {wildcards.dataset}"
    script:
        "../scripts/join_clips.py"
