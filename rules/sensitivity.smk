"""How embeddings move along a sweep.

Required inputs: manifest.csv, the embeddings of one model at `clean` and at all strengths of one effect.
Outputs: results/studies/{study}/sensitivity/{dataset}/{model}/{effect}.h5 and its rows, tables/sensitivity.csv,
tables/trajectories.csv, figures/*.svg and *.png.
"""

MEASURED = STUDY_FOLDER + "/sensitivity/{dataset}/{model}/{effect}"
FIGURES = ["trajectories", "monotonicity", "spectra", "displacement", "overview"]


def sweep_of(wildcards):
    """Return the embeddings of one effect, from the weakest strength to the strongest."""
    conditions = STUDY.conditions(wildcards.effect)
    return [STUDY.embeddings(wildcards.dataset, wildcards.model, condition) for condition in conditions]


def measured(ending):
    """Return one kind of measured file for every data set, model and effect of the study."""
    return expand(
        MEASURED + ending,
        dataset=STUDY.datasets,
        model=STUDY.models,
        effect=STUDY.effects,
    )


rule measure_sensitivity:
    input:
        manifest=rules.prepare_clips.output.manifest,
        clean=RESULTS + "/embeddings/{dataset}/{model}/clean.h5",
        effected=sweep_of,
    output:
        analysis=MEASURED + ".h5",
        rows=MEASURED + ".csv",
        trajectories=MEASURED + ".trajectories.csv",
    log:
        f"logs/measure_sensitivity/{STUDY.name}/{{dataset}}/{{model}}/{{effect}}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=lambda wildcards: STUDY.sensitivity_settings(wildcards.dataset, wildcards.model, wildcards.effect),
        code=code_of("measure_sensitivity.py"),
    message:
        "Measuring how {wildcards.model} moves with {wildcards.effect} on {wildcards.dataset}"
    script:
        "../scripts/measure_sensitivity.py"


rule tabulate_sensitivity:
    input:
        rows=measured(".csv"),
        trajectories=measured(".trajectories.csv"),
    output:
        sensitivity=report(
            STUDY_FOLDER + "/tables/sensitivity.csv",
            caption="../report/sensitivity_table.rst",
            category="Tables",
            labels={"table": "sensitivity"},
        ),
        trajectories=STUDY_FOLDER + "/tables/trajectories.csv",
    log:
        f"logs/tabulate_sensitivity/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        code=code_of("tabulate_sensitivity.py"),
    message:
        "Collecting the tables of {STUDY.name}"
    script:
        "../scripts/tabulate_sensitivity.py"


for figure in FIGURES:

    rule:
        name:
            f"plot_{figure}"
        input:
            table=STUDY_FOLDER + f"/tables/{'trajectories' if figure == 'trajectories' else 'sensitivity'}.csv",
        output:
            svg=report(
                STUDY_FOLDER + f"/figures/{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="Sensitivity",
                labels={"figure": figure},
            ),
            png=STUDY_FOLDER + f"/figures/{figure}.png",
        log:
            f"logs/plot_{figure}/{STUDY.name}.log",
        conda:
            "../envs/analysis.yaml"
        params:
            settings=STUDY.figure_settings(),
            code=code_of(f"plot_{figure}.py"),
        message:
            f"Drawing {figure} of {STUDY.name}"
        script:
            f"../scripts/plot_{figure}.py"
