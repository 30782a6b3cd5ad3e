"""Embed three generated signals with every model of the study and compare with stored published embeddings.

Input: the models' weights. Output: none; a line a comparison on standard output and in the log, status 1 on a mismatch.
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.device import choose_device, exact_float32
        from embedshift.verification import findings_table, verify_models

        device = choose_device(snakemake.config["embedding"]["device"])
        exact_float32(device)
        findings = verify_models(models=snakemake.params.models, weights=dict(snakemake.params.weights), device=device)
        print(findings_table(findings), end="")
