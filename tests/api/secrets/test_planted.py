"""After a busy day full of errors, no backup and no log holds a secret.

Not looked for are one-time codes of six digits, which stand everywhere by chance: that they are
kept nowhere is seen from the tables, none of which has a column for one.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from django.conf import settings as site_settings

from tests.api.secrets.misplaced import Misplaced
from tests.api.secrets.search import Search
from tests.api.secrets.site import Place, PrivateHome, Processes, TestDatabase, dumped
from tests.api.secrets.visitors import Visitors
from tests.jobs.workers import eventually

# Taken away in turn while everybody goes on: what is written in the middle of a request fails.
TABLES: Final = (
    "users",
    "sessions",
    "refresh_tokens",
    "api_keys",
    "idempotency_keys",
    "throttles",
    "totp_devices",
    "password_resets",
    "invitations",
    "django_session",
)


class Day:
    """A place with its processes, and what was planted there."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place, self.search = place, Search()
        outbox = folder / "outbox"
        outbox.mkdir()
        self.metrics_token = self.search.plant("metrics token", secrets.token_urlsafe(32))
        environment = {
            "SECRET_KEY": self.search.plant("SECRET_KEY", secrets.token_urlsafe(50)),
            "METRICS_TOKEN": self.metrics_token,
            "EMAIL_URL": f"filemail://{outbox}",
            "BEHIND_PROXY": "on",
            "LOGIN_ATTEMPTS_PER_ADDRESS": "1000",
            "LOG_LEVEL": "INFO",
        }
        self.processes = Processes(place, folder, environment)
        self.visitors = Visitors(self.processes, self.search, outbox)

    def close(self) -> None:
        """End what was begun."""
        self.visitors.close()
        self.processes.stop()

    @contextmanager
    def without(self, table: str) -> Iterator[None]:
        """The table is gone: every statement about it fails."""
        with self.place.connect() as own:
            own.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
            yield
            own.execute(f"ALTER TABLE {table}_away RENAME TO {table}")

    @contextmanager
    def refusing(self, table: str) -> Iterator[None]:
        """Each new row is refused, with the row in the message, as by any broken constraint."""
        with self.place.connect() as own:
            own.execute(f"ALTER TABLE {table} ADD CONSTRAINT never CHECK (false) NOT VALID")
            yield
            own.execute(f"ALTER TABLE {table} DROP CONSTRAINT never")

    def written(self) -> dict[str, bytes]:
        """Everything that was written down, by where."""
        return {
            "backup": dumped(self.place),
            "server log": self.place.server_log(),
            **self.processes.logs(),
        }

    def assert_nothing_found(self) -> None:
        """Neither in the backup nor in any log; the hashes of the backup in no log."""
        written = self.written()
        found = {name: self.search.find(text) for name, text in written.items()}
        assert {name: which for name, which in found.items() if which} == {}

        hashes = self.search.digests()
        with self.place.connect() as own:
            for (encoded,) in own.execute("SELECT password_hash FROM users"):
                if len(encoded) > 20:  # not of who has no password
                    hashes.plant("password hash", encoded.rpartition("$")[2])
        del written["backup"]
        found = {name: hashes.find(text) for name, text in written.items()}
        assert {name: which for name, which in found.items() if which} == {}


@pytest.fixture
def day(transactional_db: None, tmp_path: Path) -> Iterator[Day]:
    """On the database of the test."""
    if site_settings.EMBEDDED_HOME is None:
        pytest.skip("on a server of its own the suite knows no logins of the other roles")
    made = Day(TestDatabase(), tmp_path)
    yield made
    made.close()


@pytest.mark.heavy
def test_no_backup_and_no_log_holds_a_secret(day: Day) -> None:
    """The short one, with the web server alone; the long one has everything."""
    visitors = day.visitors
    visitors.settle(3)
    day.processes.start("web")
    visitors.log_in()
    visitors.refresh()
    visitors.fail(2)
    visitors.make_keys(1)
    visitors.set_up_factors(1)
    visitors.browse(1)
    visitors.invite(1)
    visitors.reset(1)
    Misplaced(visitors).everywhere(1)
    with day.without("refresh_tokens"):
        statuses = {attempt().status_code for attempt in visitors.attempts()}
    assert 500 in statuses

    assert sum(day.search.count.values()) > 120, day.search.count
    day.assert_nothing_found()
    _assert_that_canaries_are_found(day)


def _assert_that_canaries_are_found(day: Day) -> None:
    """What was written on purpose is found, in each of the places that were searched."""
    canaries = {name: secrets.token_urlsafe(24) for name in ("backup", "web.log", "server log")}
    search = Search()
    for name, canary in canaries.items():
        search.plant(name, canary)
    person = day.visitors.people[-1]
    body = {"email": person.email, "password": person.password}
    named = body | {"device_name": canaries["backup"]}
    assert day.visitors.post("auth/login/", named).status_code == 200
    with day.without("refresh_tokens"):
        seen = {"X-Request-ID": canaries["web.log"]}
        assert day.visitors.post("auth/login/", body, **seen).status_code == 500
    with day.place.connect() as own, pytest.raises(psycopg.errors.UndefinedTable):
        own.execute(f'SELECT FROM "{canaries["server log"]}"')

    written = day.written()
    for name in canaries:
        assert {found.kind for found in search.find(written[name])} >= {name}, name
    assert rb"relation \"refresh_tokens\" does not exist" in written["web.log"]


@pytest.fixture
def long_day(open_path: Path, tmp_path: Path) -> Iterator[Day]:
    """In a private home, with a password that the processes are given for its server."""
    password = secrets.token_urlsafe(24)
    place = PrivateHome(open_path, password)
    made = Day(place, tmp_path)
    made.search.plant("database password", password)
    yield made
    made.close()
    place.site.close()


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_thousand_secrets_of_every_kind_leave_no_trace(long_day: Day) -> None:
    """Web server, worker and sealer in a home of their own, while tables vanish, rows are refused
    and the server goes away.
    """
    day, visitors = long_day, long_day.visitors
    visitors.settle(40)
    day.processes.command("token_keys", "create")
    day.processes.command("audit_keys", "create", "--origin", "planted.example/audit")
    day.processes.start("web", "worker", "sealer")
    visitors.log_in()
    _plant_keys_of_files(day)
    visitors.refresh()
    visitors.fail(60)
    visitors.make_keys(60)
    visitors.set_up_factors(8)
    visitors.browse(30)
    visitors.invite(15)
    visitors.reset(15)
    Misplaced(visitors).everywhere(5)
    Misplaced(visitors).break_protocol()
    _let_a_job_fail(day)
    statuses = _break_things(day)
    _send_mail_in_vain(day)
    _run_commands(day)

    assert {200, 401, 500, 503} <= statuses, statuses
    assert sum(day.search.count.values()) >= 1000, day.search.count
    assert len(day.search.count) >= 50, day.search.count
    day.assert_nothing_found()
    _assert_that_canaries_are_found(day)
    assert b"job failed" in day.written()["worker.log"]
    assert b"sealing the audit log" in day.written()["sealer.log"]
    assert b"rewrap_secrets" in day.written()["commands.log"]


def _plant_keys_of_files(day: Day) -> None:
    """The seeds and master keys, of 32 bytes each, that the keyrings beside the database hold."""
    home = Path(day.place.environment["LACUNA_HOME"])
    for kind in ("secrets", "tokens", "audit"):
        ring = json.loads((home / kind / "keyring.json").read_text(encoding="utf-8"))
        for key in ring["keys"]:
            text: str = key.get("secret") or key["key"]
            text = text.split("+", 4)[4] if text.startswith("PRIVATE+KEY+") else text
            raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "==")
            day.search.plant_bytes(f"key of {kind}", raw[-32:])


def _break_things(day: Day) -> set[int]:
    """Everything with which secrets come in is asked while something fails."""
    statuses: set[int] = set()

    def ask_everything() -> None:
        for attempt in day.visitors.attempts():
            statuses.add(attempt().status_code)

    for table in TABLES:
        with day.without(table):
            ask_everything()
        with day.refusing(table):
            ask_everything()
    with day.refusing("audits.audit_personal"):
        ask_everything()
    assert isinstance(day.place, PrivateHome)
    with day.place.away():
        ask_everything()
    eventually(lambda: day.visitors.ask("GET", "/readyz").status_code == 200, within=60)
    ask_everything()
    return statuses


def _let_a_job_fail(day: Day) -> None:
    """A file that goes away before the worker comes to it."""
    admin = day.visitors.admin
    image = day.visitors.upload(seed=1)
    with day.place.connect() as own:
        done = "SELECT count(*) FROM processing_queue WHERE status = 'completed'"
        eventually(lambda: own.execute(done).fetchall()[0][0] == 1, within=90)
        media = Path(day.place.environment["LACUNA_HOME"]) / "test-media"
        for path in (media / "originals").rglob("*.*"):
            path.unlink()
        body = {"image_id": image, "parameters": {"blur": 11}}
        assert day.visitors.post("analysis-jobs/", body, **admin.bearer).status_code == 201
        failed = "SELECT count(*) FROM processing_queue WHERE error_message IS NOT NULL"
        eventually(lambda: own.execute(failed).fetchall()[0][0] == 1, within=60)


def _send_mail_in_vain(day: Day) -> None:
    """Through a mail server that is not there, with a password for it."""
    day.processes.stop()
    password = day.search.plant("mail password", secrets.token_urlsafe(24))
    day.processes.environment |= {
        "EMAIL_URL": f"smtp://lacuna:{password}@127.0.0.1:9",
        "SITE_URL": "http://localhost:8000",
    }
    day.processes.start("web")
    admin = day.visitors.admin
    answer = day.visitors.post(
        "invitations/", {"email": "late@example.org", "role": "viewer"}, **admin.bearer
    )
    assert answer.status_code == 201, answer.text
    assert not answer.json()["mail"]["sent"]


def _run_commands(day: Day) -> None:
    """What an operator runs, some of it in vain; the key that one prints is planted, too."""
    command, email = day.processes.command, day.visitors.people[1].email
    printed = command("create_api_key", email, "--name", "Robot", "--scope", "read:people")
    found = re.search(r"lac_[a-z2-7]{10}\.([A-Za-z0-9_-]{49})", printed)
    assert found
    day.search.plant("API key", found[1])
    command("secret_keys", "add")
    command("rewrap_secrets")
    command("token_keys", "add")
    command("cleanup_sessions")
    command("unlock_account", email)
    _plant_keys_of_files(day)
