"""Draw ROC AUC against strength of a study, over all classes and class by class.

Inputs: table, robustness.csv; published, files of published curves (may be none). Outputs: svg and png, and the same
by class, strengths in the effect's own unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from functools import partial

        from embedshift.figures.robustness import draw_robustness, draw_robustness_by_class
        from embedshift.figures.robustness_plots import plot_robustness_table
        from embedshift.published_overlay import PublishedOverlay

        output, published = snakemake.output, PublishedOverlay(snakemake.input.published)
        plot_robustness_table(
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            drawings=[
                (partial(draw_robustness, published=published), output.svg, output.png),
                (partial(draw_robustness_by_class, published=published), output.by_class_svg, output.by_class_png),
            ],
        )
