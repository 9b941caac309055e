"""Finds a browser for the page tests, or gets one: ``python -m tests.browser.provide``.

In this order: the one named by LACUNA_BROWSER, an installed Chromium, Debian's by apt where this
user may install packages, Playwright's own. Without any the page tests are skipped with their
reason; in CI (the variable CI is set) that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SLOW = 600  # seconds that a package manager may take


def find_browser() -> str | None:
    """The path of a browser that answers, or None."""
    named = os.environ.get("LACUNA_BROWSER")
    if named:
        return named if _answers(named) else None
    for name in _NAMES:
        path = shutil.which(name)
        if path and _answers(path):
            return path
    own = _playwrights_own()
    return own if own and _answers(own) else None


def _answers(path: str) -> bool:
    try:
        run = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def _playwrights_own() -> str | None:
    script = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    path = run.stdout.strip()
    return path if path and Path(path).exists() else None


def _by_apt() -> bool:
    """Install Debian's Chromium where this user may, without asking anything."""
    apt = shutil.which("apt-get")
    if apt is None:
        return False
    prefix: list[str] = []
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if not sudo or not _succeeds([sudo, "-n", "true"]):
            return False
        prefix = [sudo, "-n"]
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    update = [*prefix, *environment, apt, "-q", "update"]
    install = [*prefix, *environment, apt, "-q", "install", "-y", "--no-install-recommends"]
    return _succeeds(update) and _succeeds([*install, "chromium"])


def _by_playwright() -> bool:
    return _succeeds([sys.executable, "-m", "playwright", "install", "chromium"])


def _succeeds(command: list[str]) -> bool:
    try:
        return (
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SLOW,
                check=False,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    """Say which browser the page tests will use; 1 where CI has none."""
    browser = find_browser()
    if browser is None and not os.environ.get("LACUNA_BROWSER"):
        print("No Chromium is installed; getting one for the page tests.", flush=True)
        for get in (_by_apt, _by_playwright):
            if get() and (browser := find_browser()):
                break
    if browser:
        print(f"Page tests use {browser}.")
        return 0
    print(
        "PAGE TESTS CANNOT RUN: there is no Chromium, and none could be installed. Install it"
        " (Debian: apt-get install chromium) or set LACUNA_BROWSER to one.",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
