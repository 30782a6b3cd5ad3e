"""Render sound examples of one effect: a few clips, clean and at strengths from weak to strong.

Inputs: clean (HDF5 audio), manifest. Output: examples, a JSON list of {clip_id, label, strength, audio_base64 (MP3),
loudness_lufs}, and `after`, the clip that sounds on in it, where the effect has a published study's quirks.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.examples import render_examples

        render_examples(
            clean=snakemake.input.clean,
            manifest=snakemake.input.manifest,
            settings=snakemake.params.settings,
            examples=snakemake.output.examples,
        )
