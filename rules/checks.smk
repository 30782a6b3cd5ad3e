"""Checks that a user asks for by name; nothing is built for them.

Required inputs: none. Outputs: none; `snakemake check_outputs` prints what it found.
"""


def expected_outputs(wildcards):
    """Return `{path: [settings, code]}` for every file that carries what made it."""
    return (
        {
            f"{RESULTS}/clips/{dataset}/clean.h5": [
                STUDY.preparation_settings(dataset),
                code_of("prepare_clips.py"),
            ]
            for dataset in STUDY.datasets
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
    )


def expected_embedding(dataset, model, condition):
    return [
        STUDY.embedding_settings(dataset, model, condition),
        embedding_code(model, condition),
    ]


rule check_outputs:
    log:
        f"logs/check_outputs/{STUDY.name}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        expected=expected_outputs,
    message:
        "Comparing the files on disk with the present config and code"
    script:
        "../scripts/check_outputs.py"
