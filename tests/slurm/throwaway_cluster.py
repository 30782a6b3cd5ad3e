"""A SLURM of one machine, for as long as the tests run: munged, slurmctld and a few slurmd in one folder.

Root only (the daemons demand it), without systemd and without a database. `python tests/slurm/throwaway_cluster.py
start /tmp/slurm` and `... stop /tmp/slurm` give one to work with by hand.
"""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROGRAMS = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"}
CONF = Path("/etc/slurm/slurm.conf")
"""The plugin takes SLURM_CONF out of the surroundings of its jobs, so the file must lie where SLURM looks first."""
MARK = "# written by tests/slurm/throwaway_cluster.py"
CPU_NODES, GPU_NODES = ("c1", "c2"), ("g1",)
PORT = 17100
READY_S = 30

CONFIGURATION = """{mark}
ClusterName=embedshift
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/spool-%n
StateSaveLocation={folder}/state
SlurmdParameters=config_overrides
# No control groups in a container: a job's memory is added up every other second.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdTimeout=10
KillWait=2
ReturnToService=2
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
GresTypes=gpu
{nodes}
PartitionName=cpu Nodes={cpu_nodes} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={gpu_nodes} MaxTime=INFINITE State=UP
"""


def why_impossible() -> str:
    """Return why no cluster can be started here, nothing where one can."""
    missing = [package for program, package in PROGRAMS.items() if not _found(program)]
    if missing:
        return f"SLURM is not installed (Debian: apt-get install {' '.join(missing)})"
    if os.geteuid() != 0:
        return "the daemons of SLURM must be started as root"
    if CONF.exists() and not CONF.read_text().startswith(MARK):
        return f"{CONF} belongs to a SLURM of this machine"
    return ""


class ThrowawayCluster:
    """Two CPU nodes and a node with a pretended GPU; `folder` holds sockets, spools and logs."""

    def __init__(self, folder: Path, cpus: int = 4, memory_mb: int = 16000) -> None:
        self.folder, self.cpus, self.memory_mb = folder, cpus, memory_mb
        self.scratch = folder / "scratch"

    def start(self) -> None:
        """End what a killed test left, start all daemons, and return once every node is idle."""
        if CONF.exists():
            left = re.search(r"^StateSaveLocation=(.+)/state$", CONF.read_text(), re.M).group(1)
            ThrowawayCluster(Path(left)).stop()
        (self.folder / "state").mkdir(parents=True)
        self.scratch.mkdir()
        self.folder.chmod(0o755)
        self._write_configuration()
        self._start_munge()
        self.start_controller()
        for node in (*CPU_NODES, *GPU_NODES):
            (self.folder / f"spool-{node}").mkdir()
            self.start_node(node)
        self.wait_until(lambda: self.states().values(), "idle")

    def stop(self) -> None:
        """End all daemons and forget the configuration."""
        for pid_file in [*self.folder.glob("*.pid")]:
            self._end(pid_file.stem)
        for file in (CONF, CONF.with_name("gres.conf")):
            file.unlink(missing_ok=True)

    def start_controller(self) -> None:
        self.call("slurmctld", *(["-c"] if not list((self.folder / "state").iterdir()) else []))

    def stop_controller(self) -> None:
        self._end("slurmctld")

    def start_node(self, node: str) -> None:
        """Start a node, with a disk at `scratch` that no other node sees."""
        private = f"mount -t tmpfs scratch {self.scratch} && exec slurmd -N {node}"
        self.call("unshare", "--mount", "--propagation", "private", "sh", "-c", private)

    def kill_node(self, node: str) -> None:
        """End a node as a power cut would: its daemon, and all that it runs."""
        steps = [f"slurmstepd: [{job}." for job in self.call("squeue", "-h", "-w", node, "-o", "%i").split()]
        named = int((self.folder / f"{node}.pid").read_text())
        daemon = [named] if _is_daemon(named) else []
        for pid in [*daemon, *_processes_with(f"SLURMD_NODENAME={node}"), *_processes_named(steps)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def states(self) -> dict[str, str]:
        """Return `{node: state}`."""
        rows = self.call("sinfo", "-h", "-N", "-o", "%N %T").split("\n")
        return dict(row.split() for row in rows if row)

    def queue(self) -> list[str]:
        """Return `id name state comment` of every job that waits or runs."""
        return [row for row in self.call("squeue", "-h", "-o", "%i %j %T %k").split("\n") if row]

    def is_at_work(self, job: str) -> bool:
        """Return whether a job got so far that it runs one of the workflow's scripts."""
        variable, script = f"SLURM_JOB_ID={job}".encode(), b"/.snakemake/scripts/"
        at_work = dict(_read_all("cmdline"))
        return any(
            script in at_work.get(pid, b"") for pid, text in _read_all("environ") if variable in text.split(b"\0")
        )

    def wait_until(self, of, state: str, seconds: float = READY_S) -> None:
        """Wait until everything that `of()` returns is in a state."""
        end = time.monotonic() + seconds
        while not all(found == state for found in of()):
            if time.monotonic() > end:
                raise TimeoutError(f"not {state} after {seconds} s: {list(of())}\n{self._logs()}")
            time.sleep(0.1)

    def call(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def _write_configuration(self) -> None:
        CONF.parent.mkdir(exist_ok=True)
        nodes = [*((node, "") for node in CPU_NODES), *((node, " Gres=gpu:1") for node in GPU_NODES)]
        host, is_like = (
            socket.gethostname().split(".")[0],
            f"CPUs={self.cpus} RealMemory={self.memory_mb} State=UNKNOWN",
        )
        lines = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + 1 + place} {is_like}{gres}"
            for place, (node, gres) in enumerate(nodes)
        ]
        CONF.write_text(
            CONFIGURATION.format(
                mark=MARK,
                host=host,
                folder=self.folder,
                port=PORT,
                nodes="\n".join(lines),
                cpu_nodes=",".join(CPU_NODES),
                gpu_nodes=",".join(GPU_NODES),
            )
        )
        pretended = self.folder / "gpu0"  # SLURM wants a character device: the numbers are those of /dev/null
        os.mknod(pretended, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        CONF.with_name("gres.conf").write_text(f"NodeName={','.join(GPU_NODES)} Name=gpu File={pretended}\n")

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        own = ("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed")
        places = [f"--{option}={self.folder / 'munge'}.{ending}" for option, ending in own]
        self.call("munged", "--force", *places)

    def _end(self, name: str) -> None:
        """End one daemon, by the process id that it wrote down, if that is still the daemon."""
        pid_file = self.folder / f"{name}.pid"
        pid = int(pid_file.read_text()) if pid_file.exists() else 0
        for attempt in range(100):
            if not pid or not _is_daemon(pid):
                break
            os.kill(pid, signal.SIGKILL if attempt > 50 else signal.SIGTERM)
            time.sleep(0.1)
        pid_file.unlink(missing_ok=True)

    def _logs(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-500:]}" for log in sorted(self.folder.glob("*.log")))


def _found(program: str) -> bool:
    return any(Path(folder, program).exists() for folder in ("/usr/bin", "/usr/sbin", "/usr/local/bin"))


def _processes_with(variable: str) -> list[int]:
    """Return the processes whose surroundings hold `NAME=value`."""
    return [pid for pid, text in _read_all("environ") if variable.encode() in text.split(b"\0")]


def _processes_named(starts: list[str]) -> list[int]:
    return [pid for pid, text in _read_all("cmdline") if any(text.startswith(start.encode()) for start in starts)]


def _read_all(file: str) -> Iterator[tuple[int, bytes]]:
    for path in Path("/proc").glob(f"[0-9]*/{file}"):
        with suppress(OSError):
            yield int(path.parent.name), path.read_bytes()


def _is_daemon(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() in PROGRAMS
    except OSError:
        return False


if __name__ == "__main__":
    wish, cluster = sys.argv[1], ThrowawayCluster(Path(sys.argv[2]).resolve())
    if why_impossible():
        sys.exit(why_impossible())
    cluster.start() if wish == "start" else cluster.stop()
