"""Fifty people at the door in the same moment: they wait for a slot, and memory stays bounded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client

from accounts.models import User
from accounts.passwords import HashingBusy, gate, verify
from tests.accounts.login.conftest import PASSWORD
from tests.factories import make_user


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("real_hashes")
@pytest.mark.heavy
def test_fifty_log_ins_at_once_take_less_than_a_gigabyte() -> None:
    """Without the slots it would be 50 times 64 MiB. What is read is the process's own peak."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "LACUNA_HOME": str(django_settings.LACUNA_HOME),
        "PASSWORD_HASHING_WAIT": "60",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.accounts.login.crowd", "50"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=django_settings.BASE_DIR,
        env=environment,
    )

    assert done.returncode == 0, done.stderr
    refused, megabytes = done.stdout.split()[-2:]
    assert int(refused) == 50
    assert float(megabytes) < 1000


@pytest.fixture
def one_slot(settings: object) -> object:
    setattr(settings, "PASSWORD_HASHING_SLOTS", 1)  # noqa: B010 - a fixture's
    setattr(settings, "PASSWORD_HASHING_WAIT", 1)  # noqa: B010
    gate._slots.cache_clear()
    yield settings
    gate._slots.cache_clear()


def test_no_more_are_hashed_at_once_than_there_are_slots(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    setattr(settings, "PASSWORD_HASHING_SLOTS", 3)  # noqa: B010
    inside, most = 0, 0
    counting = threading.Lock()
    real = gate.slot

    def work(_: int) -> None:
        nonlocal inside, most
        with real():
            with counting:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.01)
            with counting:
                inside -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(36)))

    assert 1 < most <= 3


def test_who_finds_no_slot_is_told_to_come_again(one_slot: object) -> None:
    encoded = make_password("sesame")
    with gate.slot():
        for attempt in (make_password, lambda password: verify(password, encoded)):
            with pytest.raises(HashingBusy, match="try again") as caught:
                attempt("sesame")
            assert caught.value.retry_after == gate.RETRY_AFTER

    assert verify("sesame", encoded).matches, "the slots that were given back are free again"


@pytest.mark.django_db
def test_the_page_answers_503_with_when_to_try_again(one_slot: object, client: Client) -> None:
    form = {"username": "nobody@example.org", "password": "wrong"}
    with gate.slot():
        response = client.post("/login/", form)

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Too many people log in at this moment" in response.content.decode()


@pytest.mark.django_db
def test_other_pages_that_hash_answer_alike(one_slot: object, client: Client) -> None:
    client.force_login(make_user("admin"))
    person = make_user("viewer")
    form = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    with gate.slot():
        response = client.post(f"/accounts/user/{person.pk}/password/", form)

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert User.objects.get(pk=person.pk).password == person.password
