"""Run every benchmark in turn, print all figures in one table and write them to one page: `make bench`.

Each benchmark measures ours against the reference way in one run and writes `benchmarks/results/<name>.json`: a list
of {name, target, value, unit, met}. Seconds depend on the machine; ratios are what to quote. The page is
`benchmarks/results/report.html`, with the curves of bench_scale.
"""

import json
import subprocess
import sys
from pathlib import Path

from build_page import build_page

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"


def main() -> int:
    for path in sorted(FOLDER.glob("bench_*.py")):
        print(f"\n--- {path.stem}", flush=True)
        subprocess.run([sys.executable, str(path)], cwd=FOLDER.parent, check=True)
    print("\n=== All figures")
    for path in sorted(RESULTS.glob("*.json")):
        for row in json.loads(path.read_text()):
            met = "met" if row["met"] else "NOT MET"
            print(
                f"{path.stem:14} {row['name']:60} {row['value']:10.3g} {row['unit']:6} target {row['target']:12} {met}"
            )
    print(f"The page: {build_page()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
