"""List the clips of one data set.

Input: the listing of its sound files, its label table where it has one. Output: index.csv (one row a clip, times in
seconds), index_excluded.csv (clips that the reader left out, with reasons) and index_notes.csv (defaults that were
taken, for the report).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.index import index_dataset

        index_dataset(
            listing=snakemake.input.listing,
            output=snakemake.output.index,
            notes=snakemake.output.notes,
            excluded=snakemake.output.excluded,
            settings=snakemake.params.settings,
        )
