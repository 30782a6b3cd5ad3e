"""A job whose run is killed ends by itself, also with a shell in between."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

SCRIPTS = Path(__file__).parents[2] / "scripts"
JOB = (
    "from embedshift.orphans import end_with_the_run; import os, time; end_with_the_run(0.05); "
    "print(os.getpid(), flush=True); time.sleep(60)"
)
RUN = f"import subprocess, sys; subprocess.run(['bash', '-c', '\"$0\" -c \"$1\"; true', sys.executable, {JOB!r}])"


def test_a_job_ends_with_its_run():
    with subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}
    ) as run:
        job = int(run.stdout.readline())
        assert psutil.pid_exists(job)
        time.sleep(0.3)
        assert psutil.Process(job).status() != psutil.STATUS_ZOMBIE
        run.send_signal(signal.SIGKILL)
        run.wait()
        deadline = time.monotonic() + 5
        while psutil.pid_exists(job) and psutil.Process(job).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.05)
