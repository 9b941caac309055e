"""Operators' commands in the log."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit import commands
from audit.recording import record
from config.commands import OpsCommand
from tests.audit.capture.told import actions, entries, only
from tests.factories import make_job

pytestmark = pytest.mark.django_db(transaction=True)


class Tidying(OpsCommand):
    """Does what the test asks."""

    def run(self, **options: Any) -> dict[str, Any]:
        with transaction.atomic():
            record("cache.cleaned", details={"rows": 1})
        return {"rows": 3, "share": 0.25, "names": [f"n{n}" for n in range(150)], "big": 2**60}


class Failing(OpsCommand):
    """Ends badly."""

    def run(self, **options: Any) -> dict[str, Any]:
        raise CommandError("The disk is full.")


class Looking(OpsCommand):
    """Changes nothing."""

    records = False

    def run(self, **options: Any) -> dict[str, Any]:
        return {}


class Halfway(OpsCommand):
    """Did what it could."""

    def run(self, **options: Any) -> dict[str, Any]:
        self.exit_code = 1
        return {"refused": 1}


def ran(command: type[OpsCommand], *arguments: str) -> None:
    call_command(command(stdout=io.StringIO(), stderr=io.StringIO()), *arguments)


def test_a_command_that_changed_something_is_an_entry_and_so_is_what_it_did() -> None:
    ran(Tidying)

    done, told = entries()
    assert (done.action, done.source) == ("cache.cleaned", "command")
    assert '"command":"test_commands"' in done.payload
    assert (told.action, told.resource_id) == ("command.ran", "test_commands")
    assert told.outcome == "success"
    assert told.duration_ms is not None
    assert told.details["share"] == "0.25"
    assert told.details["big"] == str(2**60)
    assert told.details["names"][-1] == "and 50 more"


def test_a_command_that_failed_is_an_entry() -> None:
    with pytest.raises(CommandError):
        ran(Failing)

    entry = only()
    assert (entry.action, entry.outcome) == ("command.failed", "failure")
    assert entry.error_message == "The disk is full."


def test_a_command_that_did_part_of_its_work_says_so() -> None:
    with pytest.raises(SystemExit):
        ran(Halfway)

    assert only().outcome == "partial"


def test_looking_and_trying_are_no_entries() -> None:
    ran(Looking)
    ran(Tidying.__mro__[0], "--dry-run")
    call_command("queue_status", stdout=io.StringIO())
    call_command("migration_status", stdout=io.StringIO())

    assert "command.ran" not in actions()


def test_jobs_cancelled_by_a_command_are_one_entry_with_their_number() -> None:
    jobs = [make_job(), make_job()]
    before = len(entries())

    call_command("cancel_jobs", "imaging", "--all", stdout=io.StringIO())

    cancelled, told = entries()[before:]
    assert (cancelled.action, told.action) == ("jobs.cancelled", "command.ran")
    assert (cancelled.resource_type, cancelled.resource_id) == ("queue", "processing_queue")
    assert cancelled.details["jobs"] == 2
    assert set(cancelled.details["ids"]) == {str(job.pk) for job in jobs}


def test_an_outcome_that_is_no_word_of_ours_counts_as_success() -> None:
    commands.entered("tidy", "success", {"error": "", "seconds": 0.0014})

    assert (only().duration_ms, only().details) == (1, None)
