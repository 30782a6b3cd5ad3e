"""Map the trajectories of a study with UMAP: one job, because the first call compiles for half a minute.

Inputs: the manifests and all embeddings of the study. Output: rows of trajectories.csv, measures umap1 and umap2
(coordinates without unit), for the clips that the maps by principal components show.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.umap_maps import map_trajectories

        map_trajectories(
            manifests=list(snakemake.input.manifests),
            embeddings=list(snakemake.input.embeddings),
            rows=snakemake.output.rows,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
        )
