"""Measure how one model's embeddings move along the sweep of one effect.

Inputs: manifest.csv, clean.h5 and one embedding file for each strength, weakest first. Outputs: the analysis (HDF5:
displacements in units of the embedding, cosines, directions, projections), its rows of sensitivity.csv, and the
rows of trajectories.csv (coordinates on principal components).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.sensitivity import measure_sensitivity

        measure_sensitivity(
            manifest=snakemake.input.manifest,
            clean=snakemake.input.clean,
            effected=list(snakemake.input.effected),
            analysis=snakemake.output.analysis,
            rows=snakemake.output.rows,
            trajectories=snakemake.output.trajectories,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
            threads=snakemake.threads,
        )
