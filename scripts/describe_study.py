"""Describe what a study ran: data, models, effects, versions, devices, seconds.

Inputs: manifests, excluded, notes (one CSV a data set each), embeddings, analyses (HDF5). Output: description (JSON).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.study_description import describe_study

        describe_study(
            manifests=snakemake.input.manifests,
            excluded=snakemake.input.excluded,
            notes=snakemake.input.notes,
            embeddings=snakemake.input.embeddings,
            analyses=snakemake.input.analyses,
            settings=snakemake.params.settings,
            description=snakemake.output.description,
        )
