"""Draw how well the strength can be read before and after each eraser.

Input: table, robustness.csv. Output: svg and png (200 dpi); R2 without unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.decodability import draw_decodability
        from embedshift.figures.robustness_plots import plot_robustness_table

        plot_robustness_table(
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            drawings=[(draw_decodability, snakemake.output.svg, snakemake.output.png)],
        )
