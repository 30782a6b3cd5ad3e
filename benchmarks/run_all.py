"""Run every benchmark in turn and print all figures in one table: `make bench`.

Each benchmark measures ours against the reference way in one run and writes `benchmarks/results/<name>.json`: a list
of {name, target, value, unit, met}. Seconds depend on the machine; ratios are what to quote.
"""

import json
import subprocess
import sys
from pathlib import Path

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
    return 0


if __name__ == "__main__":
    sys.exit(main())
