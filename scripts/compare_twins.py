"""Compare effects and models that have quirks of a published study with their twins that have none.

Inputs: analyses (of measure_sensitivity) and embeddings of both twins, the table sensitivity, and robustness where it
is studied. Output: comparison, twins.csv with its own columns twin, quirks and side (with, without, difference,
between).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.twin_comparison import compare_twins

        compare_twins(
            analyses=snakemake.input.analyses,
            embeddings=snakemake.input.embeddings,
            sensitivity=snakemake.input.sensitivity,
            robustness=next(iter(snakemake.input.robustness), None),
            settings=snakemake.params.settings,
            comparison=snakemake.output.comparison,
        )
