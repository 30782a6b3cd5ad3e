"""List the clips of one data set.

Input: the listing of its sound files, its label table where it has one. Output: index.csv (one row a clip, times in
seconds) and index_notes.csv (defaults that were taken, for the report).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.index import index_dataset

        index_dataset(
            listing=snakemake.input.listing,
            output=snakemake.output.index,
            notes=snakemake.output.notes,
            settings=snakemake.params.settings,
        )
