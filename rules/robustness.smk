"""What erasing an effect does to class probes, and whether it is erased; only where the config has the key robustness.

Required inputs: manifest.csv, the embeddings of one model at `clean` and at all strengths of one effect.
Outputs: results/studies/{study}/robustness/{dataset}/{model}/{effect}.csv and .erasers.h5 (the fitted erasers),
tables/robustness.csv, figures/robustness.*, robustness_by_class.*, robustness_by_eraser.*, erasure.*,
erasure_overview.*, decodability.*, and published_curves.* where a published curve may be drawn over ours.
"""


rule measure_robustness:
    input:
        manifest=MANIFEST,
        clean=clean_of,
        effected=sweep_of,
    output:
        rows="<study>/robustness/{dataset}/{model}/{effect}.csv",
        erasers="<study>/robustness/{dataset}/{model}/{effect}.erasers.h5",
    log:
        f"logs/measure_robustness/{STUDY.name}/{{dataset}}/{{model}}/{{effect}}.log",
    conda:
        "../envs/models.yaml"
    threads: threads_of("measure_robustness", share_of_cores=2)
    resources:
        **asked_by("measure_robustness"),
    params:
        settings=lambda wildcards: STUDY.robustness_settings(wildcards.dataset, wildcards.model, wildcards.effect),
        code=code_of("measure_robustness.py"),
    message:
        "Measuring what erasing {wildcards.effect} does to {wildcards.model} on {wildcards.dataset}"
    script:
        "../scripts/measure_robustness.py"


rule tabulate_robustness:
    input:
        rows=robustness_measured("csv"),
    output:
        robustness=report(
            "<study>/tables/robustness.csv",
            caption="../report/robustness_table.rst",
            category="Tables",
            labels={"table": "robustness"},
        ),
    log:
        f"logs/tabulate_robustness/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.robustness_table_settings(),
        code=code_of("tabulate_robustness.py"),
    message:
        "Collecting what erasing does in {STUDY.name}"
    script:
        "../scripts/tabulate_robustness.py"


rule plot_robustness:
    input:
        table=rules.tabulate_robustness.output.robustness,
    output:
        svg=report(
            "<study>/figures/robustness.svg",
            caption="../report/robustness.rst",
            category="Robustness",
            labels={"figure": "robustness"},
        ),
        png="<study>/figures/robustness.png",
        by_class_svg=report(
            "<study>/figures/robustness_by_class.svg",
            caption="../report/robustness.rst",
            category="Robustness",
            labels={"figure": "robustness by class"},
        ),
        by_class_png="<study>/figures/robustness_by_class.png",
        by_eraser_svg=report(
            "<study>/figures/robustness_by_eraser.svg",
            caption="../report/robustness.rst",
            category="Robustness",
            labels={"figure": "robustness by eraser"},
        ),
        by_eraser_png="<study>/figures/robustness_by_eraser.png",
    log:
        f"logs/plot_robustness/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.robustness_figure_settings(),
        code=code_of("plot_robustness.py"),
    message:
        "Drawing robustness of {STUDY.name}"
    script:
        "../scripts/plot_robustness.py"


rule plot_erasure:
    input:
        table=rules.tabulate_robustness.output.robustness,
    output:
        svg=report(
            "<study>/figures/erasure.svg",
            caption="../report/erasure.rst",
            category="Robustness",
            labels={"figure": "change by erasing"},
        ),
        png="<study>/figures/erasure.png",
        overview_svg=report(
            "<study>/figures/erasure_overview.svg",
            caption="../report/erasure_overview.rst",
            category="Robustness",
            labels={"figure": "overview of erasing"},
        ),
        overview_png="<study>/figures/erasure_overview.png",
    log:
        f"logs/plot_erasure/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.robustness_figure_settings(),
        code=code_of("plot_erasure.py"),
    message:
        "Drawing what erasing does in {STUDY.name}"
    script:
        "../scripts/plot_erasure.py"


rule plot_decodability:
    input:
        table=rules.tabulate_robustness.output.robustness,
    output:
        svg=report(
            "<study>/figures/decodability.svg",
            caption="../report/decodability.rst",
            category="Robustness",
            labels={"figure": "is it erased?"},
        ),
        png="<study>/figures/decodability.png",
    log:
        f"logs/plot_decodability/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.robustness_figure_settings(),
        code=code_of("plot_decodability.py"),
    message:
        "Drawing how well strengths can be read in {STUDY.name}"
    script:
        "../scripts/plot_decodability.py"


rule plot_published_curves:
    input:
        table=rules.tabulate_robustness.output.robustness,
        published=published_curves(),
    output:
        svg=report(
            "<study>/figures/published_curves.svg",
            caption="../report/published_curves.rst",
            category="Robustness",
            labels={"figure": "published curves"},
        ),
        png="<study>/figures/published_curves.png",
    log:
        f"logs/plot_published_curves/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.robustness_figure_settings(),
        code=code_of("plot_published_curves.py"),
    message:
        "Drawing published curves over those of {STUDY.name}"
    script:
        "../scripts/plot_published_curves.py"
