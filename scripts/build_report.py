"""Write the page of a study: one HTML file that needs no network, under 15 MB.

Inputs: the tables sensitivity, trajectories, robustness and twins (these two where there are some), published (files
of published curves, may be none), description (study.json), examples (sounds, one JSON a data set and effect),
captions (reStructuredText), template, css and script of the page. Output: page.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.report.page import build_report

        build_report(
            sensitivity=snakemake.input.sensitivity,
            trajectories=snakemake.input.trajectories,
            description=snakemake.input.description,
            examples=snakemake.input.examples,
            captions=snakemake.input.captions,
            template=snakemake.input.template,
            css=snakemake.input.css,
            script=snakemake.input.script,
            settings=snakemake.params.settings,
            page=snakemake.output.page,
            robustness=next(iter(snakemake.input.robustness), None),
            published=snakemake.input.published,
            twins=next(iter(snakemake.input.twins), None),
        )
