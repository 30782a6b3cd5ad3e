"""Draw maps of trajectories by UMAP, a model x effect grid.

Input: table, trajectories.csv (coordinates by UMAP, without unit). Output: svg and png (200 dpi).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.figures.style import plot_table
        from embedshift.figures.umap import draw_umap

        plot_table(
            draw_umap,
            table=snakemake.input.table,
            settings=snakemake.params.settings,
            svg=snakemake.output.svg,
            png=snakemake.output.png,
        )
