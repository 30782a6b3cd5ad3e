"""How embeddings move along a sweep.

Required inputs: manifest.csv, the embeddings of one model at `clean` and at all strengths of one effect.
Outputs: results/studies/{study}/sensitivity/{dataset}/{model}/{effect}.h5 and its rows, tables/sensitivity.csv,
tables/trajectories.csv, figures/*.svg and *.png.
"""


rule measure_sensitivity:
    input:
        manifest=MANIFEST,
        clean=clean_of,
        effected=sweep_of,
    output:
        analysis="<study>/sensitivity/{dataset}/{model}/{effect}.h5",
        rows="<study>/sensitivity/{dataset}/{model}/{effect}.csv",
        trajectories="<study>/sensitivity/{dataset}/{model}/{effect}.trajectories.csv",
    log:
        f"logs/measure_sensitivity/{STUDY.name}/{{dataset}}/{{model}}/{{effect}}.log",
    group:
        group_of("measure_sensitivity")
    conda:
        "../envs/analysis.yaml"
    resources:
        **asked_by("measure_sensitivity"),
    params:
        settings=lambda wildcards: STUDY.sensitivity_settings(wildcards.dataset, wildcards.model, wildcards.effect),
        code=code_of("measure_sensitivity.py"),
    message:
        "Measuring how {wildcards.model} moves with {wildcards.effect} on {wildcards.dataset}"
    script:
        "../scripts/measure_sensitivity.py"


rule tabulate_sensitivity:
    input:
        rows=[*measured("csv"), *geometry_measured("csv")],
        trajectories=[*measured("trajectories.csv"), *maps_by_umap()],
    output:
        sensitivity=report(
            "<study>/tables/sensitivity.csv",
            caption="../report/sensitivity_table.rst",
            category="Tables",
            labels={"table": "sensitivity"},
        ),
        trajectories="<study>/tables/trajectories.csv",
    log:
        f"logs/tabulate_sensitivity/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.table_settings(),
        code=code_of("tabulate_sensitivity.py"),
    message:
        "Collecting the tables of {STUDY.name}"
    script:
        "../scripts/tabulate_sensitivity.py"


rule plot_trajectories:
    input:
        table=rules.tabulate_sensitivity.output.trajectories,
    output:
        svg=report(
            "<study>/figures/trajectories.svg",
            caption="../report/trajectories.rst",
            category="Sensitivity",
            labels={"figure": "trajectories"},
        ),
        png="<study>/figures/trajectories.png",
    log:
        f"logs/plot_trajectories/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_trajectories.py"),
    message:
        "Drawing trajectories of {STUDY.name}"
    script:
        "../scripts/plot_trajectories.py"


rule plot_monotonicity:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/monotonicity.svg",
            caption="../report/monotonicity.rst",
            category="Sensitivity",
            labels={"figure": "monotonicity"},
        ),
        png="<study>/figures/monotonicity.png",
    log:
        f"logs/plot_monotonicity/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_monotonicity.py"),
    message:
        "Drawing monotonicity of {STUDY.name}"
    script:
        "../scripts/plot_monotonicity.py"


rule plot_spectra:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/spectra.svg",
            caption="../report/spectra.rst",
            category="Sensitivity",
            labels={"figure": "spectra"},
        ),
        png="<study>/figures/spectra.png",
    log:
        f"logs/plot_spectra/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_spectra.py"),
    message:
        "Drawing spectra of {STUDY.name}"
    script:
        "../scripts/plot_spectra.py"


rule plot_displacement:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/displacement.svg",
            caption="../report/displacement.rst",
            category="Sensitivity",
            labels={"figure": "displacement"},
        ),
        png="<study>/figures/displacement.png",
    log:
        f"logs/plot_displacement/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_displacement.py"),
    message:
        "Drawing displacement of {STUDY.name}"
    script:
        "../scripts/plot_displacement.py"


rule plot_overview:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/overview.svg",
            caption="../report/overview.rst",
            category="Sensitivity",
            labels={"figure": "overview"},
        ),
        png="<study>/figures/overview.png",
    log:
        f"logs/plot_overview/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_overview.py"),
    message:
        "Drawing overview of {STUDY.name}"
    script:
        "../scripts/plot_overview.py"


rule plot_umap:
    input:
        table=rules.tabulate_sensitivity.output.trajectories,
    output:
        svg=report(
            "<study>/figures/umap.svg",
            caption="../report/umap.rst",
            category="Sensitivity",
            labels={"figure": "umap"},
        ),
        png="<study>/figures/umap.png",
    log:
        f"logs/plot_umap/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_umap.py"),
    message:
        "Drawing UMAP maps of {STUDY.name}"
    script:
        "../scripts/plot_umap.py"


rule plot_clip_by_clip:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/clip_by_clip.svg",
            caption="../report/clip_by_clip.rst",
            category="Sensitivity",
            labels={"figure": "clip_by_clip"},
        ),
        png="<study>/figures/clip_by_clip.png",
    log:
        f"logs/plot_clip_by_clip/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_clip_by_clip.py"),
    message:
        "Drawing single clips of {STUDY.name}"
    script:
        "../scripts/plot_clip_by_clip.py"


rule plot_common_motion:
    input:
        table=rules.tabulate_sensitivity.output.sensitivity,
    output:
        svg=report(
            "<study>/figures/common_motion.svg",
            caption="../report/common_motion.rst",
            category="Sensitivity",
            labels={"figure": "common_motion"},
        ),
        png="<study>/figures/common_motion.png",
    log:
        f"logs/plot_common_motion/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_common_motion.py"),
    message:
        "Drawing common motion of {STUDY.name}"
    script:
        "../scripts/plot_common_motion.py"
