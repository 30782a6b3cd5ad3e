"""Render every clip of a data set through one effect at one strength.

Input: `clean`, the prepared clips (HDF5). Output: `audio`, the same clips in the same order at this condition (HDF5;
float32 samples, loudness in LUFS before and after it is matched, a flag for clips that fell silent).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.rendering import apply_effect

        apply_effect(
            clean=snakemake.input.clean,
            output=snakemake.output.audio,
            settings=snakemake.params.settings,
            code=snakemake.params.code,
            threads=snakemake.threads,
            manifest=snakemake.input.manifest,
        )
