"""The geometry of a sweep beside its direction: dimensions, common motion, shape, distances, and maps by UMAP.

Required inputs: manifest.csv, the embeddings of one model at `clean` and at all strengths of one effect; for the maps
those of the whole study.
Outputs: results/studies/{study}/geometry/{dataset}/{model}/{effect}.h5 and .csv (rows of tables/sensitivity.csv), and, where the
config asks for UMAP, maps/umap.csv (rows of tables/trajectories.csv) and figures/umap.*; figures/common_motion.*, figures/distances.*.
"""


rule measure_geometry:
    input:
        manifest=MANIFEST,
        clean=clean_of,
        effected=sweep_of,
    output:
        analysis="<study>/geometry/{dataset}/{model}/{effect}.h5",
        rows="<study>/geometry/{dataset}/{model}/{effect}.csv",
    log:
        f"logs/measure_geometry/{STUDY.name}/{{dataset}}/{{model}}/{{effect}}.log",
    group:
        group_of("measure_geometry")
    conda:
        "../envs/analysis.yaml"
    resources:
        **asked_by("measure_geometry"),
    params:
        settings=lambda wildcards: STUDY.geometry_settings(wildcards.dataset, wildcards.model, wildcards.effect),
        code=code_of("measure_geometry.py"),
    message:
        "Measuring the geometry of {wildcards.model} under {wildcards.effect} on {wildcards.dataset}"
    script:
        "../scripts/measure_geometry.py"


rule map_trajectories:
    input:
        manifests=expand(MANIFEST, dataset=STUDY.datasets),
        embeddings=list(embeddings_by_path()),
    output:
        rows="<study>/maps/umap.csv",
    log:
        f"logs/map_trajectories/{STUDY.name}.log",
    conda:
        "../envs/maps.yaml"
    resources:
        **asked_by("map_trajectories"),
    params:
        settings=STUDY.map_settings(),
        code=code_of("map_trajectories.py"),
    message:
        "Mapping the trajectories of {STUDY.name} with UMAP"
    script:
        "../scripts/map_trajectories.py"


rule plot_distances:
    input:
        table="<study>/tables/sensitivity.csv",
    output:
        svg=report(
            "<study>/figures/distances.svg",
            caption="../report/distances.rst",
            category="Sensitivity",
            labels={"figure": "distances"},
        ),
        png="<study>/figures/distances.png",
    log:
        f"logs/plot_distances/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.figure_settings(),
        code=code_of("plot_distances.py"),
    message:
        "Drawing distances of {STUDY.name}"
    script:
        "../scripts/plot_distances.py"
