"""Compare the files on disk with the present config and code; make nothing.

Input: none (so that nothing is built). Output: none; a line, or the list of stale files and the command for them.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.output_check import check_outputs

        check_outputs(expected=snakemake.params.expected, command=snakemake.params.command)
