"""What all rules share; no rules.

Purpose: the complete config as STUDY, wildcards held to declared values, digests of code.
Required inputs: config.schema.yaml, studies/presets.yaml, the folders of sounds that the config names.
Outputs: results/clips/{dataset}/listing.csv, rewritten by the main process only when it differs.
"""

import atexit
import os
import time
from functools import cache
from types import SimpleNamespace

from snakemake.exceptions import WorkflowError

from embedshift.audio_rows import is_to_be_fetched, shard_digests
from embedshift.codehash import code_of, keep_record
from embedshift.configuration import complete_config
from embedshift.csv_rows import read_csv_rows
from embedshift.device import has_gpu_driver
from embedshift.errors import UserError
from embedshift.freshness import is_up_to_date, origin_of
from embedshift.future_stamps import bring_back_future_stamps
from embedshift.leftovers import note_keeping, remove_leftovers
from embedshift.listing import write_listing
from embedshift.name_patterns import one_condition_of, one_of
from embedshift.names import check_names, record_names
from embedshift.prepared_shards import is_prepared
from embedshift.run_claim import claim_folders, only_reads
from embedshift.study import Study


def start_study():
    """Return the study, and digests of the sounds by data set and shard, or stop with the user's mistakes in words."""
    try:
        check_folder()
        study = Study(complete_config(config, Path(workflow.basedir), Path.cwd()))
        check_names(Path(study.results), study.name, study.identities())
        take_folders(study)
        listed = {dataset: list_sounds(study, dataset) for dataset in study.datasets}
        return study, {(dataset, shard): digest for dataset, of in listed.items() for shard, digest in of.items()}
    except (UserError, OSError) as error:
        raise WorkflowError(str(error)) from None


def check_folder():
    """Stop where paths that are relative to the checkout would lead nowhere."""
    if Path.cwd() != Path(workflow.basedir):
        raise UserError(
            f"Start snakemake in {workflow.basedir}, where its Snakefile lies, not in {Path.cwd()}. For results in "
            "another place, set results_folder in the config."
        )


def take_folders(study):
    """Let no other run write here meanwhile, and mend the time stamps that a wrong clock left."""
    if not workflow.is_main_process:
        return
    if not only_reads(sys.argv[1:]):
        told = claim_folders(Path.cwd(), Path(study.results), study.name)
        print(told, end="\n" if told else "", file=sys.stderr)
    bring_back_future_stamps(Path(study.results))


def list_sounds(study, dataset):
    """Write the listing of a data set's sounds (in the main process); return digests of what decides its clips."""
    settings = study.datasets[dataset]
    listing = Path(study.results, "clips", dataset, "listing.csv")
    if workflow.is_main_process and not is_to_be_fetched(settings):
        write_listing(settings["folder"], settings["table"], listing)
    return shard_digests(settings, listing)


def remember_names():
    """Write down what the names of this study mean, once jobs are about to run."""
    warn_without_profile()
    record_names(Path(STUDY.results), STUDY.name, STUDY.identities())
    note_keeping(Path(STUDY.results), STUDY.name, STUDY.config["keep_effected_audio"])


def tidy_up():
    """Remove rendered audio that an earlier, killed run left behind."""
    conditions = STUDY.all_conditions()[1:]
    audio = [path for dataset in STUDY.datasets for name in conditions for path in STUDY.audio(dataset, name)]
    remove_leftovers(Path(RESULTS), map(Path, audio), STARTED_S)


def tell_what_to_do():
    print(
        "A job failed; its message stands above and in its log. Mend the cause and start the same command again: "
        "finished work is kept.",
        file=sys.stderr,
    )


def warn_without_profile():
    """Warn when the rerun triggers of profiles/default are not in force: mere time stamps would count."""
    if {"code", "input"} & {trigger.name.lower() for trigger in workflow.rerun_triggers}:
        print(
            "embedshift: the settings of profiles/default are not in force (another --profile?), so that the time "
            "stamp of a script reruns its jobs. Add: --rerun-triggers mtime params software-env",
            file=sys.stderr,
        )


STARTED_S = time.time()
atexit.register(keep_record(".snakemake/code_digests.json"))
STUDY, SOUNDS = start_study()
RESULTS = STUDY.results
STUDY_FOLDER = STUDY.folder
TO_BE_FETCHED = [name for name, dataset in STUDY.datasets.items() if is_to_be_fetched(dataset)]
SHARDS = sorted({shard for dataset in STUDY.datasets for shard in STUDY.shards(dataset)})
config.update(STUDY.config)


pathvars:
    results=STUDY.results,
    study=STUDY.folder,
    effected=STUDY.effected,


wildcard_constraints:
    dataset=one_of(STUDY.datasets),
    effect=one_of(STUDY.effects),
    model=one_of(STUDY.models),
    strength=one_of({text for effect in STUDY.effects for text in STUDY.strengths(effect)}),
    condition=one_condition_of("clean", {effect: STUDY.strengths(effect) for effect in STUDY.effects}),
    shard=f"(?:{one_of(SHARDS)})" if any(SHARDS) else "(?:)",
    weights=one_of(STUDY.weights_sources()),
