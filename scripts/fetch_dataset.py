"""Fetch, verify and unpack a published data set that is not there yet.

Output: the listing of its sound files (CSV: name, bytes, SHA-256). On the way come the archive, the folder that the
config names, and beside it a receipt (JSON: address, checksum, licence).
"""

if __name__ == "__main__":
    from embedshift.joblog import job_log

    with job_log(snakemake.log[0]):
        from embedshift.fetch_dataset import fetch_dataset

        fetch_dataset(
            name=snakemake.params.download["name"],
            folder=snakemake.params.download["folder"],
            table=snakemake.params.download["table"],
            listing=snakemake.output.listing,
        )
