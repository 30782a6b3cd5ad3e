"""Install openl3 0.4.2 into the environment of the Python that runs this, from the package index alone.

openl3 exists as a source distribution only, and its setup.py downloads twelve weight files from another host while it
is built. Parity needs none of them (its weights are seeded), so the build runs with a download that writes empty files.
Nothing is cached by pip: a later `pip install openl3` elsewhere must not find a wheel with empty weights.

Usage: <environment>/bin/python tests/parity/environments/install_openl3.py
Needs Python 3.11 or older (its setup.py imports `imp`), setuptools below 81 and wheel.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENT = "openl3==0.4.2"
EMPTY_DOWNLOADS = """
import gzip
import urllib.request


def write_empty(url, filename, *others, **more):
    with gzip.open(filename, "wb"):
        return filename, None


urllib.request.urlretrieve = write_empty
"""


def main() -> None:
    if sys.version_info >= (3, 12):
        sys.exit("openl3 0.4.2 builds on Python 3.11 or older only")
    with tempfile.TemporaryDirectory() as folder:
        # Python imports a module of this name at every start, also in the processes that pip starts
        Path(folder, "sitecustomize.py").write_text(EMPTY_DOWNLOADS)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "install", "--quiet"]
        command = [*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", REQUIREMENT]
        subprocess.run(command, env=os.environ | {"PYTHONPATH": folder}, check=True)
    subprocess.run([sys.executable, "-c", "import openl3"], check=True)


if __name__ == "__main__":
    main()
