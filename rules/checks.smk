"""What a user asks for by name, and prints: checks, and the table of models.

Required inputs: none, but for verify_models the weights of the study's models. Outputs: none, but for estimate_cost
the text results/studies/{study}/cost.txt, which nothing depends on.
"""


rule check_outputs:
    log:
        f"logs/check_outputs/{STUDY.name}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        expected=expected_outputs,
        command=command_of_this_study(),
    message:
        "Comparing the files on disk with the present config and code"
    script:
        "../scripts/check_outputs.py"


rule estimate_cost:
    log:
        f"logs/estimate_cost/{STUDY.name}.log",
    conda:
        "../envs/estimate.yaml"
    threads: workflow.cores
    resources:
        gpu=1 if any(map(needs_gpu_for, STUDY.models)) else 0,
    params:
        plan=cost_plan,
        table=f"{STUDY_FOLDER}/cost.txt",
    message:
        "Measuring a few clips, to tell what this study will cost"
    script:
        "../scripts/estimate_cost.py"


rule describe_models:
    log:
        f"logs/describe_models/{STUDY.name}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    message:
        "What every adapter is"
    script:
        "../scripts/describe_models.py"


rule verify_models:
    input:
        weights=list(weights_files().values()),
    log:
        f"logs/verify_models/{STUDY.name}.log",
    conda:
        "../envs/models.yaml"
    resources:
        gpu=1 if any(map(needs_gpu_for, STUDY.models)) else 0,
    params:
        models=dict(STUDY.models),
        weights=weights_files(),
    message:
        "Comparing the models of this study with stored published embeddings"
    script:
        "../scripts/verify_models.py"
