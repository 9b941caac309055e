"""Every benchmark, one after the other, each in a process of its own: ``make bench``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run them all; 1 when one of them failed."""
    failed = []
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"\n--- {file.stem}\n", flush=True)
        done = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{file.stem}"], check=False)
        if done.returncode:
            failed.append(file.stem)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
