"""Living, and being able to work."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client

from config import health


def test_a_living_process_says_so_without_a_database(client: Client) -> None:
    # Outside a test that asks for the database, any query fails this test.
    response = client.get("/livez")

    assert response.status_code == 200
    assert response.headers["X-Request-ID"]


def test_life_is_asked_by_address_not_by_name(client: Client) -> None:
    assert client.get("/livez", headers={"host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.django_db
def test_a_site_that_can_work_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["checks"]["database"] == "ok"
    assert response.json()["checks"]["migrations"] == "ok"


@pytest.mark.django_db
def test_without_its_database_a_site_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("server closed the connection: secret details")

    monkeypatch.setattr(connection, "cursor", gone)
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "The database does not answer."
    assert "secret" not in response.text


@pytest.mark.django_db(transaction=True)
def test_pending_migrations_make_a_site_unready(client: Client) -> None:
    latest = sorted(
        file.stem for file in (settings.BASE_DIR / "annotations" / "migrations").glob("0*.py")
    )
    call_command("migrate", "annotations", latest[-2], verbosity=0)
    try:
        response = client.get("/readyz")
        assert response.status_code == 503
        said = response.json()["checks"]["migrations"]
        assert said == "1 migration is pending. Run: python manage.py migrate"
    finally:
        call_command("migrate", verbosity=0)


@pytest.mark.django_db
def test_an_advisory_check_is_told_but_does_not_fail(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(health.ADVISORY, "workers", lambda: "No worker is running.")
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["checks"]["workers"] == "No worker is running."
