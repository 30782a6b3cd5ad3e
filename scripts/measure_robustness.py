"""Measure what erasing one effect does to class probes on one model's embeddings, and whether the effect is erased.

Inputs: manifest.csv, clean.h5 and one embedding file for each strength, weakest first. Outputs: rows of
robustness.csv (AUC, average precision and balanced accuracy as shares, own columns train, test and eraser) and the
fitted erasers.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.robustness import measure_robustness

        measure_robustness(
            manifest=snakemake.input.manifest,
            clean=snakemake.input.clean,
            effected=list(snakemake.input.effected),
            rows=snakemake.output.rows,
            erasers=snakemake.output.erasers,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
            threads=snakemake.threads,
        )
