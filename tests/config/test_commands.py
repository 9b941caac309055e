"""What every operators' command shares."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import CommandParser
from django.db import connection

from audit.models import Entry
from config import commands
from config.commands import OpsCommand
from database.connections import own_connection

pytestmark = pytest.mark.django_db


class Counting(OpsCommand):
    """Counts to a number."""

    example = "counting --to 3"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", type=int, default=3)
        parser.add_argument("--signal-at", type=int)

    def run(self, **options: Any) -> dict[str, Any]:
        counted = 0
        for number in self.steps(range(options["to"])):
            if number == options["signal_at"]:
                os.kill(os.getpid(), signal.SIGTERM)
            if options["to"] == 13:
                raise CommandError("Thirteen is refused.")
            counted += 1
        return {"counted": counted}


class Losing(OpsCommand):
    """Loses its connection."""

    def run(self, **options: Any) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
            with closing(own_connection(login=settings.DATABASE_ADMIN)) as administrator:
                administrator.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            cursor.execute("SELECT 1")
        return {}


@pytest.fixture
def counting() -> Counting:
    return Counting(stdout=io.StringIO(), stderr=io.StringIO())


def told(command: Counting) -> str:
    stream: Any = command.stdout
    text: str = stream.getvalue()
    return text


def test_the_outcome_is_lines_for_people_or_json_alone(counting: Counting) -> None:
    call_command(counting)
    assert told(counting) == "counted: 3\n"

    other = Counting(stdout=io.StringIO(), stderr=io.StringIO())
    call_command(other, "--json")
    assert json.loads(told(other)) == {"counted": 3}


def test_sigterm_ends_the_run_after_the_current_step(counting: Counting) -> None:
    before = signal.getsignal(signal.SIGTERM)
    call_command(counting, "--to", "100", "--signal-at", "4", "--json")

    assert json.loads(told(counting)) == {"counted": 5, "stopped_early": True}
    assert signal.getsignal(signal.SIGTERM) is before


def test_each_run_is_told_to_whoever_observes(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, dict[str, Any]]] = []

    def note(name: str, outcome: str, details: dict[str, Any]) -> None:
        seen.append((name, outcome, details))

    monkeypatch.setattr(commands, "observers", [note])
    call_command(counting)
    with pytest.raises(CommandError, match="Thirteen"):
        call_command(counting, "--to", "13")

    assert [(name, outcome) for name, outcome, _ in seen] == [
        ("test_commands", "success"),
        ("test_commands", "failure"),
    ]
    assert seen[0][2]["counted"] == 3
    assert seen[1][2]["error"] == "Thirteen is refused."


def test_the_lock_is_free_again_after_a_failure(counting: Counting) -> None:
    with pytest.raises(CommandError):
        call_command(counting, "--to", "13")
    call_command(counting)

    assert told(counting) == "counted: 3\n"


@pytest.mark.django_db(transaction=True)
def test_a_server_that_goes_during_a_run_is_named_and_the_failure_recorded() -> None:
    try:
        with pytest.raises(CommandError, match="The database does not answer: terminating"):
            call_command(Losing(stdout=io.StringIO(), stderr=io.StringIO()))
        [entry] = Entry.objects.filter(action="command.failed")
        assert "terminating connection" in (entry.error_message or "")
    finally:
        connection.close()


def ours() -> Iterator[tuple[str, Any]]:
    for name, app in get_commands().items():
        if isinstance(app, str) and app in {"config", "database", "jobs", "accounts", "imaging"}:
            yield name, load_command_class(app, name)


def test_every_command_of_ours_has_help_and_the_operators_an_example() -> None:
    found = dict(ours())

    assert {"cleanup_cache", "import_images", "run_worker", "migration_status", "demo"} <= set(
        found
    )
    for name, command in found.items():
        assert command.help, name
        if isinstance(command, OpsCommand):
            assert command.example.startswith(name), name
            text = command.create_parser("manage.py", name).format_help()
            assert f"python manage.py {command.example}" in text
