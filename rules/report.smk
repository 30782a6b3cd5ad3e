"""The page: what was run, figures, sounds, tables.

Required inputs: tables, analyses (for their notes), manifests, embeddings (for what made them), captions.
Outputs: results/studies/{study}/study.json, examples/{dataset}/{effect}.json, report.html.
"""


rule render_examples:
    input:
        clean=clean_clips_of,
        manifest=MANIFEST,
    output:
        examples="<study>/examples/{dataset}/{effect}.json",
    log:
        f"logs/render_examples/{STUDY.name}/{{dataset}}/{{effect}}.log",
    conda:
        "../envs/audio.yaml"
    params:
        settings=lambda wildcards: STUDY.example_settings(wildcards.dataset, wildcards.effect),
        code=code_of("render_examples.py"),
    message:
        "Rendering sound examples of {wildcards.effect} on {wildcards.dataset}"
    script:
        "../scripts/render_examples.py"


rule describe_study:
    input:
        manifests=expand(MANIFEST, dataset=STUDY.datasets),
        excluded=expand("<results>/clips/{dataset}/excluded.csv", dataset=STUDY.datasets),
        notes=expand("<results>/clips/{dataset}/notes.csv", dataset=STUDY.datasets),
        embeddings=list(embeddings_by_path()),
        analyses=[*measured("h5"), *geometry_measured("h5")],
    output:
        description="<study>/study.json",
    log:
        f"logs/describe_study/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.description_settings(),
        code=code_of("describe_study.py"),
    message:
        "Describing what {STUDY.name} ran"
    script:
        "../scripts/describe_study.py"


rule build_report:
    input:
        sensitivity=rules.tabulate_sensitivity.output.sensitivity,
        trajectories=rules.tabulate_sensitivity.output.trajectories,
        description=rules.describe_study.output.description,
        examples=expand(
            rules.render_examples.output.examples,
            dataset=STUDY.datasets,
            effect=STUDY.effects,
        ),
        robustness=["<study>/tables/robustness.csv"] if ROBUSTNESS_FIGURES else [],
        twins=expand("<study>/tables/{table}.csv", table=TWINS),
        published=published_curves() if ROBUSTNESS_FIGURES else [],
        figures=expand("<study>/figures/{figure}.svg", figure=[*FIGURES, *ROBUSTNESS_FIGURES]),
        captions=expand("report/{caption}.rst", caption=CAPTIONS),
        template="report/page.html.j2",
        css="report/page.css",
        script="report/page.js",
    output:
        page=report(
            "<study>/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"page": "the whole study"},
        ),
    log:
        f"logs/build_report/{STUDY.name}.log",
    conda:
        "../envs/analysis.yaml"
    params:
        settings=STUDY.report_settings(),
        code=code_of("build_report.py"),
    message:
        "Writing {output.page}"
    script:
        "../scripts/build_report.py"
