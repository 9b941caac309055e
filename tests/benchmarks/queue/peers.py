"""The systems that Lacuna is measured beside: where they are installed, and how to install them.

``python -m tests.benchmarks.queue.peers`` installs them into ``.lacuna/peers`` of the checkout, or
into the directory that LACUNA_BENCH_PEERS names. They are no dependencies of anything else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PROCRASTINATE: Final = "procrastinate"
GRAPHILE: Final = "graphile-worker"

# What is installed, exactly, so that two measurements speak of the same systems.
_PYTHON_PACKAGES: Final = ("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9")
_NODE_PACKAGES: Final = ("graphile-worker@0.17.3", "pg@8.23.1")

_ROOT: Final = Path(__file__).resolve().parents[3]


class PeerMissing(Exception):
    """A peer is not installed here; the sentence says how to install it."""


def home() -> Path:
    """The directory of the peers, whether it exists or not."""
    return Path(os.environ.get("LACUNA_BENCH_PEERS") or _ROOT / ".lacuna" / "peers").resolve()


def python() -> Path:
    """The interpreter that has procrastinate, or PeerMissing."""
    program = home() / "python" / "bin" / "python"
    if not program.exists() or not _metadata("procrastinate"):
        raise _missing(PROCRASTINATE)
    return program


def node() -> Path:
    """The program node, when graphile-worker is installed for it, or PeerMissing."""
    program = shutil.which("node")
    if program is None:
        raise PeerMissing(f"{GRAPHILE} was not measured, as there is no program node on the PATH.")
    if not (node_modules() / "graphile-worker" / "package.json").exists():
        raise _missing(GRAPHILE)
    return Path(program)


def node_modules() -> Path:
    """Where npm put the packages."""
    return home() / "node" / "node_modules"


def procrastinate_version() -> str:
    """Such as ``3.10.0``; PeerMissing without it."""
    python()
    return _metadata("procrastinate")[0].name.removesuffix(".dist-info").rpartition("-")[2]


def graphile_version() -> str:
    """Such as ``0.17.3``, with node's own version; PeerMissing without it."""
    program = node()
    package = json.loads((node_modules() / "graphile-worker" / "package.json").read_text("utf-8"))
    done = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return f"{package['version']} on node {done.stdout.strip().removeprefix('v')}"


def install() -> None:
    """Install both, with the default registries of pip and npm."""
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    environment = folder / "python"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *_PYTHON_PACKAGES], check=True)
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(f"There is no program npm on the PATH, so {GRAPHILE} was not installed.")
    packages = folder / "node"
    packages.mkdir(exist_ok=True)
    # A package.json of its own: without one, npm would install into a parent directory that has.
    (packages / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    flags = ["--no-audit", "--no-fund", "--no-update-notifier", "--save-exact"]
    subprocess.run([npm, "install", *flags, *_NODE_PACKAGES], cwd=packages, check=True)
    print(f"procrastinate {procrastinate_version()}, {GRAPHILE} {graphile_version()} in {folder}")


def _metadata(package: str) -> list[Path]:
    return list((home() / "python").glob(f"lib/python3*/site-packages/{package}-*.dist-info"))


def _missing(name: str) -> PeerMissing:
    return PeerMissing(
        f"{name} was not measured, as it is not installed beside this checkout."
        " To install the peers: `python -m tests.benchmarks.queue.peers`."
    )


if __name__ == "__main__":
    install()
