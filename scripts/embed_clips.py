"""Embed every clip of one data set with one model at one condition.

Inputs: manifest (CSV), audio of the condition (HDF5, samples at the data set's rate), weights and their receipt
(models that have some). Output: embeddings (HDF5, one row a clip). Device and batch size change no number beyond
rounding and are no parameters, so that another choice reruns nothing.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.embedding import embed_clips

        embed_clips(
            manifest=snakemake.input.manifest,
            audio=snakemake.input.get("audio") or None,
            weights=snakemake.input.get("weights"),
            receipt=snakemake.input.get("receipt"),
            output=snakemake.output.embeddings,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
            origin=snakemake.params.origin,
            shared=snakemake.params.shared,
            device=snakemake.config["embedding"]["device"],
            batch_size=snakemake.config["embedding"]["batch_size"],
            threads=snakemake.threads,
        )
