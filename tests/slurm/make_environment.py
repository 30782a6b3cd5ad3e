"""Make `.venv-slurm`: the packages of this Python and the SLURM plugin, which no other test should start with."""

import subprocess
import sysconfig
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".venv-slurm"


def make_environment(folder: Path = FOLDER) -> Path:
    """Make the environment unless it is there; return its Python."""
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        Path(packages, "packages_of_the_workflow.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        subprocess.run([python, *install, "-r", REPOSITORY / "requirements-slurm.lock"], check=True)
        (folder / ".ready").touch()
    return python


if __name__ == "__main__":
    print(make_environment())
