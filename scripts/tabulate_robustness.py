"""Collect the rows of all models and effects into robustness.csv.

Inputs: the .csv of every data set, model and effect, in the order of the config, which is the order of the table.
Output: robustness.csv with its own columns train, test and eraser; see `embedshift.tables`.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.robustness_columns import OWN_COLUMNS
        from embedshift.tables import read_table, write_table

        rows = (row for path in snakemake.input.rows for row in read_table(path))
        write_table(snakemake.output.robustness, rows, OWN_COLUMNS)
