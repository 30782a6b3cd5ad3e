"""Print what every adapter is: dimensions, rate, weights, licences, source, cited paper, and what was checked.

Input: none. Output: none; the table goes to standard output.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.model_table import text_table

        print(text_table(), end="")
