"""Collect the rows of all models and effects into sensitivity.csv and trajectories.csv.

Inputs: the .csv and .trajectories.csv of every data set, model and effect, in the order of the config, which is the
order of the tables. Columns and units: see `embedshift.tables`.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.tables import read_table, write_table

        for name in ("rows", "trajectories"):
            target = snakemake.output.sensitivity if name == "rows" else snakemake.output.trajectories
            write_table(target, (row for path in snakemake.input[name] for row in read_table(path)))
