"""Join the manifests of a data set that is cut into shards.

Inputs: index.csv with its notes and excluded clips, and of every shard its manifest, excluded clips and remarks (CSV).
Outputs: manifest.csv (LUFS, dB, seconds), excluded.csv (reasons) and notes.csv (for the report), as of one shard.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.joined_clips import join_clips

        join_clips(
            index=snakemake.input.index,
            index_notes=snakemake.input.index_notes,
            index_excluded=snakemake.input.index_excluded,
            shard_manifests=snakemake.input.manifests,
            shard_excluded=snakemake.input.excluded,
            shard_remarks=snakemake.input.remarks,
            manifest=snakemake.output.manifest,
            excluded=snakemake.output.excluded,
            notes=snakemake.output.notes,
        )
