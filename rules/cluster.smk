"""What jobs ask of a cluster, which of them are one job there, and which stay on the machine that started the run.

Required inputs: STUDY, RESULTS; on a cluster `slurm_partition` among the default resources (profiles/slurm).
Outputs: none. On a workstation all this leaves is the number of threads, and one GPU for a network.
"""

from functools import cache
from itertools import product

from embedshift.data_size import size_of
from embedshift.left_jobs import cancel_left_jobs
from embedshift.models.catalog import dim_of
from embedshift.resources import sweep_s, to_embed, to_measure, to_prepare, to_probe, to_render

CLUSTER = {
    name: str(value.raw).strip("'\"") for name, value in (workflow.resource_settings.default_resources or {}).items()
}
ON_CLUSTER = "slurm_partition" in CLUSTER


# Members of a group run one after another, so that a group asks for the memory of its largest member: the profile sets
# one seat for each group, and inside the group, where Snakemake does not hand the limit on, this line does.
resource_scopes:
    seat="local",


if ON_CLUSTER and not workflow.is_main_process:
    workflow.register_resource("seat", 1)


@cache
def size_of_clips(dataset):
    """Return how much sound a data set holds, by its listing."""
    return size_of(STUDY.datasets[dataset], Path(RESULTS, "clips", dataset, "listing.csv"))


def size_of_shard(dataset):
    """Return how much sound is one job's: the data set, or a shard of it."""
    return size_of_clips(dataset).share(len(STUDY.shards(dataset)))


@cache
def sweeps_fit_one_job(dataset):
    """Return whether rendering and embedding any sweep is work of minutes on CPUs, where nobody insists on a GPU."""
    adapters = [model["adapter"] for model in STUDY.models.values()]
    longest = max(len(STUDY.strengths(effect)) for effect in STUDY.effects)
    asks_for_gpu = STUDY.config["embedding"]["device"] == "cuda"
    return not asks_for_gpu and sweep_s(size_of_clips(dataset), adapters, longest) <= 60 * int(CLUSTER["job_minutes"])


def gpus_for(dataset, model):
    """Return 1 where a model runs on a GPU of the cluster."""
    there = STUDY.config["embedding"]["device"] != "cpu" and "gpu_partition" in CLUSTER
    return int(there and STUDY.runs_on_gpu(model) and not sweeps_fit_one_job(dataset))


def gpus_of_condition(dataset):
    """Return 1 where the job of a condition embeds on a GPU, and so renders on that GPU's node, too."""
    return max(gpus_for(dataset, model) for model in STUDY.models)


@cache
def embedding_request(dataset, model):
    settings = STUDY.models[model]
    size = size_of_shard(dataset)
    return to_embed(size, settings["adapter"], dim_of(settings), gpus_for(dataset, model))


def measuring_request(wildcards):
    return sweep_request(to_measure, wildcards.dataset, wildcards.model, wildcards.effect)


def probing_request(wildcards):
    return sweep_request(to_probe, wildcards.dataset, wildcards.model, wildcards.effect)


@cache
def sweep_request(to_do, dataset, model, effect):
    return to_do(size_of_clips(dataset), len(STUDY.strengths(effect)), dim_of(STUDY.models[model]))


def mapping_request(wildcards):
    """Return the request for what holds the largest sweep of the study."""
    sweeps = product(STUDY.datasets, STUDY.models, STUDY.effects)
    return max((sweep_request(to_measure, *sweep) for sweep in sweeps), key=lambda request: request.memory_mb)


REQUESTS = {
    "prepare_clips": lambda wildcards: to_prepare(size_of_shard(wildcards.dataset)),
    "apply_effect": lambda wildcards: to_render(size_of_shard(wildcards.dataset)),
    "embed_clips": lambda wildcards: embedding_request(wildcards.dataset, wildcards.model),
    "measure_sensitivity": measuring_request,
    "measure_geometry": measuring_request,
    "measure_robustness": probing_request,
    "map_trajectories": mapping_request,
}


def threads_of(name, share_of_cores=1):
    """Return the threads of a rule: a share of the workstation's cores, or what the work deserves on a cluster."""
    if not ON_CLUSTER:
        return max(1, workflow.cores // share_of_cores)
    return lambda wildcards: REQUESTS[name](wildcards).cpus


def asked_by(name):
    """Return the resources of a rule. None of them reruns anything."""
    if not ON_CLUSTER:
        return {"gpu": needs_gpu} if name == "embed_clips" else {}
    return {
        "mem_mb": lambda wildcards, attempt: REQUESTS[name](wildcards).memory_at(attempt),
        "runtime": lambda wildcards, attempt: REQUESTS[name](wildcards).runtime_at(attempt),
        "slurm_partition": lambda wildcards: CLUSTER["gpu_partition" if on_gpu(name, wildcards) else "slurm_partition"],
        "gpu": lambda wildcards: 1 if on_gpu(name, wildcards) else None,
        "gpu_model": lambda wildcards: CLUSTER.get("gpu_type") if on_gpu(name, wildcards) else None,
        "seat": lambda wildcards: 1 if group_name(name, wildcards) else None,
    }


def on_gpu(name, wildcards):
    """Return whether a job runs on the GPU partition: a network there, and what is one job with it."""
    if name == "embed_clips":
        return bool(gpus_for(wildcards.dataset, wildcards.model))
    return name == "apply_effect" and bool(gpus_of_condition(wildcards.dataset))


def group_of(name):
    """Return what names the job that a rule's job is part of on a cluster, for the rule's `group`."""
    return (lambda wildcards: group_name(name, wildcards)) if ON_CLUSTER else None


def group_name(name, wildcards):
    """Return the name of the job on the cluster that a rule's job is part of, None where it is one by itself.

    Rendered audio so never waits in a queue for a model: the job that renders it embeds it, and removes it.
    """
    if name not in ("prepare_clips", "apply_effect", "embed_clips", "measure_sensitivity", "measure_geometry"):
        return None
    condition, dataset = condition_of(wildcards), wildcards.dataset
    if sweeps_fit_one_job(dataset):
        return f"clips_{dataset}{wildcards.shard}" if condition == "clean" else f"sweep_{dataset}_{condition[0]}"
    if name not in ("apply_effect", "embed_clips") or condition == "clean":
        return None
    belongs = name == "apply_effect" or on_gpu(name, wildcards) == bool(gpus_of_condition(dataset))
    return f"condition_{dataset}_{'_'.join(condition)}{wildcards.shard}" if belongs else None


def condition_of(wildcards):
    """Return (effect,) or (effect, strength) of a job, `clean` of one that has neither."""
    if "condition" in wildcards.keys():
        return wildcards.condition if wildcards.condition == "clean" else tuple(wildcards.condition.split("/"))
    if "effect" not in wildcards.keys():
        return "clean"
    return (wildcards.effect, wildcards.strength) if "strength" in wildcards.keys() else (wildcards.effect,)


def free_the_cluster():
    """Cancel the jobs that a killed run left in this folder: its successor would write the same files beside them.

    Before jobs are planned, since a cancelled job takes back what it has not handed over.
    """
    try:
        cancelled = cancel_left_jobs(Path.cwd())
    except UserError as error:
        raise WorkflowError(str(error)) from None
    for job in cancelled:
        print(f"embedshift: cancelled {job.id} ({job.comment}), which a killed run left here.", file=sys.stderr)


def light_rules():
    """Return the rules that take seconds or download: not worth a place in a queue, and nodes often have no network."""
    return [rule.name for rule in workflow.rules if rule.name not in REQUESTS]


if ON_CLUSTER and workflow.is_main_process and not only_reads(sys.argv[1:]):
    free_the_cluster()
