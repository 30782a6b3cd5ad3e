"""Draw the change of ROC AUC against erasing nothing of a study: over the strengths, and its mean as a heat map.

Input: table, robustness.csv. Outputs: svg and png of both, strengths in the effect's own unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.erasure import draw_erasure, draw_erasure_overview
        from embedshift.figures.robustness_plots import plot_robustness_table

        output = snakemake.output
        plot_robustness_table(
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            drawings=[
                (draw_erasure, output.svg, output.png),
                (draw_erasure_overview, output.overview_svg, output.overview_png),
            ],
        )
