"""Decode, cut and loudness-normalise the clips of one data set.

Input: index.csv, its notes and the clips it leaves out. Output: clean.h5 (float32 samples at the data set's rate),
manifest.csv (LUFS, dB, seconds), excluded.csv (reasons) and notes.csv (for the report).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        import json

        from embedshift.clips import prepare_clips

        prepare_clips(
            index=snakemake.input.index,
            folder=json.loads(snakemake.params.settings)["folder"],
            clean=snakemake.output.clean,
            manifest=snakemake.output.manifest,
            excluded=snakemake.output.excluded,
            notes=snakemake.output.notes,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
            threads=snakemake.threads,
            index_notes=snakemake.input.get("index_notes"),
            index_excluded=snakemake.input.get("index_excluded"),
        )
