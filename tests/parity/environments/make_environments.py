"""Make the environments of the published packages: `python make_environments.py <folder>` (`make parity`).

Each `<name>.txt` beside this file is one environment. Its requirements are installed line by line as pip does it; those
after the line `# --no-deps` without what they declare, because their pins clash; those after `# --uninstall` are taken
out again (PyPI's torchaudio and torchvision cannot be loaded beside the CPU build of torch). `install_<name>.py`, where
there is one, then installs what pip alone cannot. An environment that is complete is left alone.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARKS = ("# --no-deps", "# --uninstall")


def sections_of(requirements: Path) -> dict[str, list[str]]:
    """Return the requirements of a file by section: `""`, `# --no-deps`, `# --uninstall`."""
    sections: dict[str, list[str]] = {"": [], **{mark: [] for mark in MARKS}}
    section = ""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        section = line.strip() if line.strip() in MARKS else section
        if line.strip() and not line.startswith("#"):
            sections[section].append(line.strip())
    return sections


def make_environment(requirements: Path, folder: Path) -> None:
    """Make the environment of one file in `folder`, unless it is there already."""
    extra = HERE / f"install_{requirements.stem}.py"
    sources = [requirements, *([extra] if extra.exists() else [])]
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    ready = folder / ".ready"
    if ready.exists() and ready.read_text() == stamp:
        return
    print(f"making {folder}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    sections = sections_of(requirements)
    torch = [line for line in sections[""] if line.startswith("torch==")]
    for install in (torch, sections[""]):  # torch first: with it in place nothing else asks for a build with CUDA
        if install:
            subprocess.run([*pip, "install", *install], check=True)
    if sections[MARKS[0]]:
        subprocess.run([*pip, "install", "--no-deps", *sections[MARKS[0]]], check=True)
    if sections[MARKS[1]]:
        subprocess.run([*pip, "uninstall", "--yes", *sections[MARKS[1]]], check=True)
    if extra.exists():
        subprocess.run([python, str(extra)], check=True)
    ready.write_text(stamp)


def main() -> None:
    """Make every environment below the folder that the command names."""
    for requirements in sorted(HERE.glob("*.txt")):
        make_environment(requirements, Path(sys.argv[1]) / requirements.stem)


if __name__ == "__main__":
    main()
