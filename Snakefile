"""embedshift: what happens inside an audio embedding when the sound goes through an effect.

Sound files -> clips -> effected audio -> embeddings -> analyses -> tables -> figures -> report.
A config file with the key `study` is whole; one without it overrides single keys of config.yaml.
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.12")
sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

if "study" not in config:

    configfile: Path(workflow.basedir, "config.yaml")


include: "rules/common.smk"
include: "rules/inputs.smk"
include: "rules/cluster.smk"
include: "rules/clips.smk"
include: "rules/effects.smk"
include: "rules/embeddings.smk"
include: "rules/geometry.smk"
include: "rules/sensitivity.smk"
include: "rules/robustness.smk"
include: "rules/twins.smk"
include: "rules/report.smk"
include: "rules/checks.smk"


report: "report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.build_report.output.page,
        kept_audio(),


if ON_CLUSTER:
    workflow.localrules(*light_rules())


onstart:
    remember_names()


onsuccess:
    tidy_up()


onerror:
    tell_what_to_do()
