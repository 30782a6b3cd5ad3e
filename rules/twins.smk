"""What the quirks of a published study do by themselves: effects and models beside their twins without them.

Required inputs: the analyses of measure_sensitivity and the embeddings of both twins, the tables of the study.
Outputs: results/studies/{study}/tables/twins.csv, where the study has twins.
"""


rule compare_twins:
    input:
        analyses=compared_analyses(),
        embeddings=compared_embeddings(),
        sensitivity=rules.tabulate_sensitivity.output.sensitivity,
        robustness=["<study>/tables/robustness.csv"] if ROBUSTNESS_FIGURES else [],
    output:
        comparison=report(
            "<study>/tables/twins.csv",
            caption="../report/twins.rst",
            category="Tables",
            labels={"table": "twins"},
        ),
    log:
        f"logs/compare_twins/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.twin_settings(),
        code=code_of("compare_twins.py"),
    message:
        "Comparing effects and models of {STUDY.name} with their twins without a quirk"
    script:
        "../scripts/compare_twins.py"
