"""Draw trajectory maps of a study.

Input: table, trajectories.csv (principal coordinates, without unit). Output: svg and png (200 dpi).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.style import plot_table
        from embedshift.figures.trajectories import draw_trajectories

        plot_table(
            draw_trajectories,
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            svg=snakemake.output.svg,
            png=snakemake.output.png,
        )
