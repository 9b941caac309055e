"""What every benchmark shares: interleaved rounds, medians, the machine, a page in docs.

Run one with ``python -m tests.benchmarks.bench_exact_figures``. Nothing here asserts: a benchmark
reports, tests judge.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

PAGES = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of every round of one variant."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.rounds)

    def __str__(self) -> str:
        low, high = min(self.rounds) * 1e3, max(self.rounds) * 1e3
        return f"{self.median * 1e3:.4g} ms ({low:.4g} to {high:.4g}, {len(self.rounds)} rounds)"


def interleaved(
    variants: Mapping[str, Callable[[], object]], *, rounds: int, warm_ups: int = 1
) -> dict[str, Times]:
    """Time the variants in turn, round after round, so that all meet the same weather."""
    for variant in variants.values():
        for _ in range(warm_ups):
            variant()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            begin = time.perf_counter()
            variant()
            seconds[name].append(time.perf_counter() - begin)
    return {name: Times(tuple(rounds)) for name, rounds in seconds.items()}


def in_own_process(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m module arguments`` and read the JSON of its last line.

    For figures that belong to a process, such as its peak memory.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_memory() -> float:
    """Largest resident size of this process so far, in MB (10^6 bytes).

    VmHWM, since getrusage also counts what the parent held when it started this process.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def machine(packages: Iterable[str]) -> str:
    """The machine and the versions, as Markdown lines."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; "
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}; {versions}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def publish(name: str, title: str, *parts: str, packages: Iterable[str]) -> None:
    """Print the page and write it to docs/benchmarks/<name>.md."""
    day = datetime.now(UTC).strftime("%-d %b %Y")
    body = "\n\n".join((f"# {title}", *parts, f"Measured {day} on {machine(packages)}"))
    again = f"Repeat with `python -m tests.benchmarks.bench_{name}`."
    PAGES.mkdir(parents=True, exist_ok=True)
    (PAGES / f"{name}.md").write_text(f"{body}\n\n{again}\n", encoding="utf-8")
    print(body)
