"""Checks that a user asks for by name; nothing is built for them.

Required inputs: none. Outputs: none; `snakemake check_outputs` prints what it found.
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
