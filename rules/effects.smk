"""Clips through one effect at one strength.

Required inputs: results/clips/{dataset}/clean.h5, manifest.csv (of a shard, where there are several).
Outputs: <effected>/{dataset}/{effect}/{strength}.h5 (results/effected, or effected_folder of the config), which lives
only as long as a model needs it.
"""


# All cores for one condition, and less priority than embedding: otherwise rendering runs far ahead and fills the disk.
rule apply_effect:
    input:
        # The manifest holds the digest of every clip's samples, so the large audio file need not be compared.
        clean=ancient(rules.prepare_clips.output.clean),
        manifest=rules.prepare_clips.output.manifest,
    output:
        audio=temp_unless_kept("<effected>/{dataset}/{effect}/{strength}{shard}.h5"),
    log:
        "logs/apply_effect/{dataset}/{effect}/{strength}{shard}.log",
    group:
        group_of("apply_effect")
    conda:
        "../envs/audio.yaml"
    threads: threads_of("apply_effect")
    resources:
        **asked_by("apply_effect"),
    params:
        settings=lambda wildcards: STUDY.effect_settings(wildcards.dataset, wildcards.effect, wildcards.strength),
        code=lambda wildcards: rendering_code(wildcards.effect),
    message:
        "Rendering {wildcards.effect} at {wildcards.strength} on {wildcards.dataset}{wildcards.shard}"
    script:
        "../scripts/apply_effect.py"
