"""The steps of docs/old-database.md in a shell: from a dump of the old database to its rows."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from database import embedded
from database.embedded import binaries
from tests.monitoring.models import test_old_database
from tests.site import Site

pytestmark = pytest.mark.heavy

# The old system's own owner, extension and schema; what stands in for the extension makes the keys.
BEFORE: Final = """
CREATE ROLE dinsight LOGIN;
CREATE DATABASE dinsight OWNER dinsight;
\\connect dinsight
CREATE EXTENSION "uuid-ossp";
SET ROLE dinsight;
"""
STAND_IN: Final = """
CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()';
"""


def page_steps() -> str:
    """What the page has people type."""
    page = (Path(settings.BASE_DIR) / "docs/old-database.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    typed = [line[2:] for line in block.splitlines() if line.startswith(("$ ", "> "))]
    return "\n".join(typed)


class Shell:
    """Somebody at a shell with PostgreSQL's programs, in a directory of their own."""

    def __init__(self, site: Site, directory: Path) -> None:
        self.directory = directory
        host = embedded.ensure_running(site.home / "postgres")
        self.environment = {
            "PATH": f"{binaries.find() / 'bin'}:{os.environ['PATH']}",
            "PGHOST": str(host),
            "PGUSER": "postgres",
            "DATABASE_OWNER_URL": f"postgresql://lacuna_owner@/lacuna?host={host}",
        }

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Type it; what fails ends it."""
        return subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", script],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Ask the server as its superuser."""
        (self.directory / "typed.sql").write_text(sql)
        done = self.run(f"psql -X -q -t -A -v ON_ERROR_STOP=1 -f typed.sql {database}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def site(open_path: Path) -> Iterator[Site]:
    """Migrated, with the engineer who is to own what loads."""
    site = Site(open_path / "home")
    site.manage("migrate", "--verbosity", "0")
    site.query(
        "INSERT INTO users (email, password_hash, role)"
        " VALUES ('engineer@plant.example', '', 'analyst') RETURNING id"
    )
    yield site
    site.stop()


@pytest.fixture
def shell(site: Site, open_path: Path) -> Shell:
    """With a dump of an old database, whose owner this server does not know, and load.sql."""
    extensions = open_path / "extension"
    extensions.mkdir()
    (extensions / "uuid-ossp.control").write_text("default_version = '1.1'\nrelocatable = true\n")
    (extensions / "uuid-ossp--1.1.sql").write_text(STAND_IN)
    directory = open_path / "at work"
    directory.mkdir()
    made = Shell(site, directory)
    made.psql(
        f"ALTER SYSTEM SET extension_control_path = '$system:{open_path}';"
        " SELECT pg_reload_conf(); SELECT pg_sleep(0.5);"
    )
    old = test_old_database._OLD.replace("CREATE SCHEMA old;", "").replace("old.", "public.")
    made.psql(BEFORE + old.replace("gen_random_uuid()", "uuid_generate_v4()"))
    dumped = made.run("pg_dump --format custom --file dinsight.dump dinsight")
    assert dumped.returncode == 0, dumped.stderr
    made.psql("DROP DATABASE dinsight; DROP ROLE dinsight;")
    (directory / "load.sql").write_text(test_old_database.load_sql())
    return made


COUNTS: Final = {
    "file_uploads": 2,
    "dinsight_data": 1,
    "feature_data": 2,
    "monitor_data": 4,
    "datasets": 1,
    "analyses": 2,
}


def counts(site: Site) -> dict[str, int]:
    return {table: site.count(f"SELECT count(*) FROM {table}") for table in COUNTS}


def test_the_steps_of_the_page_bring_the_rows_of_a_dump_here(site: Site, shell: Shell) -> None:
    steps = page_steps()
    load = steps.rindex('psql "$DATABASE_OWNER_URL" --single-transaction')

    refused = shell.run(steps.replace("engineer@plant", "nobody@plant"))
    assert refused.returncode != 0
    assert "nobody with the address nobody@plant.example. Invite them first" in refused.stderr
    assert not any(counts(site).values())

    # The step that failed and those behind it; then all once more, which adds nothing.
    for typed in (steps[load:], steps):
        done = shell.run(typed)

        assert done.returncode == 0, done.stderr
        assert "ERROR" not in done.stderr
        assert counts(site) == COUNTS
        parameters = site.query("SELECT imax FROM config_data WHERE id <= 2 ORDER BY id")
        assert parameters == [(500,), (900,)]
        assert site.count("SELECT count(*) FROM pg_namespace WHERE nspname = 'old'") == 0
        assert shell.psql("SELECT count(*) FROM pg_database WHERE datname = 'old_copy'") == "0"
