"""Draw how single clips follow the strength, and their steps along it, a model x effect grid.

Input: table, sensitivity.csv. Output: svg and png (200 dpi), strengths in the effect's own unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.clip_by_clip import draw_clip_by_clip
        from embedshift.figures.style import plot_table

        plot_table(
            draw_clip_by_clip,
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            svg=snakemake.output.svg,
            png=snakemake.output.png,
        )
