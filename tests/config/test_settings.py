"""A wrong or missing setting stops the start with one sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

SERVER = "postgresql://lacuna_app@127.0.0.1:1/nowhere"
KEY = "k" * 50


def start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Begin ``manage.py check``-like: load the settings, and nothing else."""
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "version"],
        env={
            "PATH": os.environ["PATH"],
            "LACUNA_HOME": str(tmp_path / "home"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DEBUG", "maybe", "DEBUG is 'maybe', but must be on or off"),
        ("DATABASE_POOL_SIZE", "many", "DATABASE_POOL_SIZE is 'many'"),
        ("DATABASE_POOL_SIZE", "-1", "DATABASE_POOL_SIZE is -1"),
        ("DATABASE_TIMEOUT", "0", "DATABASE_TIMEOUT is 0"),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL must look like postgresql://"),
        ("DATABASE_URL", "postgresql://host:notaport/x", "DATABASE_URL cannot be read"),
        ("DATABASE_OWNER_URL", SERVER, "DATABASE_OWNER_URL is set, but DATABASE_URL is not"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL is 'LOUD', but must be one of"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT is 'xml', but must be one of json, text"),
        ("MAX_IMAGE_PIXELS", "0", "MAX_IMAGE_PIXELS is 0"),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 32 characters"),
        ("METRICS_TOKEN", "t" * 31, "METRICS_TOKEN must have at least 32 characters"),
        ("METRICS_TOKEN", "two words " * 4, "METRICS_TOKEN must be of ASCII letters"),
        ("METRICS_TOKEN", "ü" * 32, "METRICS_TOKEN must be of ASCII letters"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    run = start(tmp_path, **{name: value})

    assert run.returncode != 0
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_a_configured_server_demands_a_secret_key(tmp_path: Path) -> None:
    run = start(tmp_path, DATABASE_URL=SERVER)

    assert run.returncode != 0
    assert "SECRET_KEY is missing" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_foreign_database_client_is_refused(tmp_path: Path) -> None:
    run = start(tmp_path, DB_NAME="x", DB_CLIENT="mysql", SECRET_KEY=KEY)

    assert "DB_CLIENT is 'mysql', but only pg" in run.stderr


def test_without_a_server_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = start(tmp_path)
    file = tmp_path / "home" / "secret_key"
    key = file.read_text()
    second = start(tmp_path)

    assert first.returncode == second.returncode == 0, first.stderr
    assert file.read_text() == key
    assert len(key) >= 50
    assert file.stat().st_mode & 0o777 == 0o600


def loaded(tmp_path: Path, expression: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", f"from config import settings; print({expression})"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "LACUNA_HOME": str(tmp_path / "home"), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_the_parts_of_an_address_are_as_good_as_the_whole(tmp_path: Path) -> None:
    parts = loaded(
        tmp_path,
        "{k: settings.DATABASES['default'][k] for k in ('HOST','PORT','NAME','USER','PASSWORD')},"
        " settings.DATABASES['default']['OPTIONS'].get('sslmode')",
        DB_HOST="db.example.org",
        DB_PORT="5433",
        DB_NAME="lacuna",
        DB_USER="someone",
        DB_PASSWORD="p@ss word",
        DB_SSL="on",
        SECRET_KEY=KEY,
    )

    assert "'HOST': 'db.example.org', 'PORT': '5433', 'NAME': 'lacuna'" in parts
    assert "'PASSWORD': 'p@ss word'} require" in parts


def test_a_socket_address_and_a_login_of_another_name_act_as_the_system(
    tmp_path: Path,
) -> None:
    shown = loaded(
        tmp_path,
        "settings.DATABASES['default']['HOST'],"
        " settings.DATABASES['default']['OPTIONS']['assume_role'],"
        " settings.DATABASE_OWNER['USER']",
        DATABASE_URL="postgresql://someone@%2Frun%2Fpostgresql/lacuna",
        DATABASE_OWNER_URL="postgresql://boss@%2Frun%2Fpostgresql/lacuna",
        SECRET_KEY=KEY,
    )

    assert shown == "/run/postgresql lacuna_system boss"


def test_the_web_process_acts_as_the_application_and_nobody(tmp_path: Path) -> None:
    role = "settings.DATABASES['default']['OPTIONS'].get('assume_role')"
    server = {"DATABASE_URL": "postgresql://someone@db/lacuna", "SECRET_KEY": KEY}

    assert loaded(tmp_path, role, LACUNA_PROCESS="web", **server) == "lacuna_app"
    assert loaded(tmp_path, role, LACUNA_PROCESS="web") == "None"  # the login is lacuna_app
    assert loaded(tmp_path, role) == "lacuna_system"


def test_only_the_web_process_pools_its_connections(tmp_path: Path) -> None:
    pool = "settings.DATABASES['default']['OPTIONS'].get('pool')"
    server = {"DATABASE_URL": SERVER, "SECRET_KEY": KEY}

    assert loaded(tmp_path, pool, **server) == "None"
    web = loaded(tmp_path, pool, LACUNA_PROCESS="web", **server)
    assert web == "{'min_size': 2, 'max_size': 20, 'timeout': 30.0}"
    assert loaded(tmp_path, pool, LACUNA_PROCESS="web", DATABASE_POOL_SIZE="0", **server) == "None"
