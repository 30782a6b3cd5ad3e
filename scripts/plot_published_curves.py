"""Draw the published curves of ROC AUC over those of a study, where model, effect and class have the same names.

Inputs: table, robustness.csv; published, files of published curves. Outputs: svg and png, strengths in the effect's own
unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from functools import partial

        from embedshift.figures.published_curves import draw_published_curves
        from embedshift.figures.robustness_plots import plot_robustness_table
        from embedshift.published_overlay import PublishedOverlay

        draw = partial(draw_published_curves, published=PublishedOverlay(snakemake.input.published))
        plot_robustness_table(
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            drawings=[(draw, snakemake.output.svg, snakemake.output.png)],
        )
