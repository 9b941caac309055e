"""Looking at the private server, stopping it, and reaching it with psql."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings


def manage(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        env={"PATH": os.environ["PATH"], "LACUNA_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.heavy
def test_the_private_server_can_be_looked_at_and_reached_with_psql(open_path: Path) -> None:
    before = json.loads(manage(open_path, "private_server", "status", "--json").stdout)
    assert before["running"] is False

    query = "SELECT current_user, current_database()"
    shell = manage(open_path, "dbshell", "--", "-Atc", query)
    assert shell.stdout.strip() == "lacuna_system|lacuna", shell.stderr
    owner = manage(open_path, "dbshell", "--", "-U", "lacuna_owner", "-Atc", query)
    assert owner.stdout.strip() == "lacuna_owner|lacuna", owner.stderr

    after = json.loads(manage(open_path, "private_server", "status", "--json").stdout)
    assert after["version"].startswith("18")
    assert "not running" in manage(open_path, "private_server", "stop").stdout


@pytest.mark.parametrize("what", ["status", "stop"])
def test_beside_a_configured_server_there_is_no_private_one(open_path: Path, what: str) -> None:
    run = manage(
        open_path,
        "private_server",
        what,
        DATABASE_URL="postgresql://someone@127.0.0.1:1/x",
        SECRET_KEY="k" * 50,
    )

    assert run.returncode == 1
    assert "there is no private one" in run.stderr
    assert "Traceback" not in run.stderr
