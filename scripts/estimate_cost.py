"""Tell what the study will cost before it runs: jobs, hours on this machine, disk.

Input: none (so that nothing is built); sounds, weights and finished files are looked at, a few clips are measured.
Output: none; a table on standard output and in the file `table` (text; clips, seconds to hours, bytes to TB).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.cost_estimate import estimate_cost

        print(estimate_cost(plan=snakemake.params.plan, output=snakemake.params.table), end="", flush=True)
