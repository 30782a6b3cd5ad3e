"""Measure the geometry of one model's embeddings along the sweep of one effect.

Inputs: manifest.csv, clean.h5 and one embedding file for each strength, weakest first. Outputs: what was analysed, with
notes (HDF5), and rows of sensitivity.csv; measures are listed in `embedshift.geometry`, lengths are in embedding units.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.geometry import measure_geometry

        measure_geometry(
            manifest=snakemake.input.manifest,
            clean=snakemake.input.clean,
            effected=list(snakemake.input.effected),
            analysis=snakemake.output.analysis,
            rows=snakemake.output.rows,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
        )
