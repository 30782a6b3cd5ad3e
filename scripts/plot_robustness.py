"""Draw ROC AUC against strength of a study, over all classes, class by class, and eraser by eraser.

Input: table, robustness.csv. Outputs: svg and png, and the same by class and by eraser, strengths in the effect's
own unit.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.robustness import (
            draw_robustness,
            draw_robustness_by_class,
            draw_robustness_by_eraser,
        )
        from embedshift.figures.robustness_plots import plot_robustness_table

        output = snakemake.output
        plot_robustness_table(
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            drawings=[
                (draw_robustness, output.svg, output.png),
                (draw_robustness_by_class, output.by_class_svg, output.by_class_png),
                (draw_robustness_by_eraser, output.by_eraser_svg, output.by_eraser_png),
            ],
        )
