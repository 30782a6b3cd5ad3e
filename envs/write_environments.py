"""Write the conda environments from requirements.lock: `python envs/write_environments.py`.

Each file holds the pins of what its rules import, with everything that these need, so that `--sdm conda` and the
virtual environment of the Makefile run the same versions. Run it in the virtual environment after a change of the lock.
"""

import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement

ENVIRONMENTS = {
    "audio": ["numpy", "scipy", "numba", "soundfile", "soxr", "pedalboard", "pyloudnorm", "h5py", "psutil"],
    "models": ["torch", "numpy", "scipy", "librosa", "soxr", "soundfile", "h5py", "safetensors", "filelock", "psutil",
               "transformers"],
    "analysis": ["numpy", "scipy", "scikit-learn", "h5py", "matplotlib", "plotly", "jinja2", "docutils",
                 "threadpoolctl", "soundfile", "psutil"],
    "estimate": ["torch", "numpy", "scipy", "numba", "librosa", "soxr", "soundfile", "pedalboard", "h5py",
                 "safetensors", "filelock", "psutil", "transformers", "threadpoolctl"],
    "maps": ["numpy", "scipy", "scikit-learn", "umap-learn", "h5py", "threadpoolctl", "psutil"],
}  # fmt: skip
HEADER = """# The versions of requirements.lock that these rules need, for `snakemake --sdm conda`.
# Written by envs/write_environments.py; do not edit.
"""


def canonical(name: str) -> str:
    """Return a package name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> dict[str, str]:
    """Return `{name: requirement line}` of a lock file, markers included."""
    lines = [line.strip() for line in lock.read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {canonical(re.split(r"[=\s;]", line)[0]): line for line in wanted}


def needed_by(names: list[str]) -> set[str]:
    """Return the canonical names of packages and of all that they require here."""
    found: set[str] = set()
    waiting = [canonical(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            requirements = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [canonical(r.name) for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


def environment(names: list[str], pinned: dict[str, str]) -> str:
    """Return the text of one conda environment file."""
    lines = [pinned[name] for name in sorted(needed_by(names))]
    head = f"{HEADER}channels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n"
    return head + "".join(f"      - {line}\n" for line in lines)


def main() -> None:
    """Write one file for each environment beside this one."""
    folder = Path(__file__).parent
    pinned = pins(folder.parent / "requirements.lock")
    for name, packages in ENVIRONMENTS.items():
        (folder / f"{name}.yaml").write_text(environment(packages, pinned))


if __name__ == "__main__":
    main()
