"""``manage.py manage_partitions``, and the same as recurring work."""

from __future__ import annotations

import io
import json
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from database import partitions

pytestmark = pytest.mark.django_db(transaction=True)


def manage(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("manage_partitions", *arguments, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def months() -> set[date]:
    found = partitions.list_partitions("audits.audit_log")
    return {one.month for one in found if one.month is not None}


def test_the_audit_log_has_its_months_made_too(administrator: Any) -> None:
    manage()
    before = months()
    planned = manage("--months", "14", "--dry-run")["created"]
    assert months() == before, "a dry run makes nothing"

    made = manage("--months", "14")
    try:
        assert made["created"] == planned
        assert len(months()) >= 15
        audit = [name for name in made["created"] if name.startswith("audit_log_")]
        assert len(audit) == len(months() - before)
        assert manage("--months", "14")["created"] == []
    finally:
        for name in audit:
            administrator.execute(f"DROP TABLE audits.{name}")
        for name in set(made["created"]) - set(audit):
            administrator.execute(f"DROP TABLE {name}")


def test_a_wrong_number_is_refused() -> None:
    for wrong in ("-1", "61", "many"):
        with pytest.raises(CommandError, match="--months"):
            manage("--months", wrong)
