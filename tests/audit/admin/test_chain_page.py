"""The page of the chain, and its panel on the overview."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit import alarms, keyring
from audit.admin import chain
from tests.audit.admin.conftest import CHAIN, ClientFor, Seal, write

pytestmark = pytest.mark.django_db

Owner = psycopg.Connection[tuple[Any, ...]]
PUBLISHED = "INSERT INTO audits.audit_publication (target, size, note) VALUES (%s, %s, '')"


@pytest.fixture
def no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks, which have tests of their own, find nothing."""
    monkeypatch.setattr(alarms, "warnings", list)


@pytest.mark.usefixtures("no_alarm")
def test_an_empty_log_says_what_will_come(client_for: ClientFor) -> None:
    page = client_for("moderator").get(CHAIN).content.decode()

    for text in ("Empty</span>", "python manage.py seal_audit", "Every month is still", "never"):
        assert text in page, text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_alarm")
def test_the_page_tells_how_far_the_log_is_sealed_and_published(
    client_for: ClientFor, seal: Seal, ring: keyring.Keyring, owner: Owner
) -> None:
    client = client_for("moderator")
    write()
    seal()
    sealed = chain.read()
    assert chain.standing(sealed).word == "Sealed, not published"
    owner.execute(PUBLISHED, ["https://ada:secret@witness.example.org/x", sealed.size])
    owner.execute(PUBLISHED, ["https://ada:secret@witness.example.org/x", 1])
    owner.execute(
        "INSERT INTO audits.audit_retired (partition, entries, ids, file_name, file_sha256)"
        " VALUES ('audit_log_2025_01', 12345, '{[1,12346)}', 'a.jsonl', 'abc')"
    )
    owner.commit()
    write()

    now = chain.read()
    page = client.get(CHAIN).content.decode()

    assert (now.batches, now.size, now.waiting) == (1, sealed.size, 1)
    assert now.entries == sealed.size - 1
    assert [(one.target, one.size) for one in now.published] == [
        ("https://witness.example.org/x", sealed.size)
    ]
    for text in (
        "Sealed and published",
        "everything that is sealed",
        "tests.example/audit",
        str(ring.signers()[0].verifier),
        "audit_log_2025_01",
        "12,345",
        "a.jsonl",
    ):
        assert text in page, text
    assert "secret" not in page


@pytest.mark.django_db(transaction=True)
def test_what_is_wrong_stands_first(
    client_for: ClientFor, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "warnings", lambda: ["No sealer is seen.", "No month is made."])
    write()
    seal()
    client = client_for("moderator")

    for address in (CHAIN, "/"):
        page = client.get(address).content.decode()
        assert "Needs somebody</span>" in page
        assert page.index("No sealer is seen.") < page.index("No month is made.")
        assert page.count("No sealer is seen.") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_alarm")
def test_the_overview_tells_the_state_in_one_look(
    client_for: ClientFor, seal: Seal, owner: Owner
) -> None:
    client = client_for("admin")
    write()
    seal()
    owner.execute(PUBLISHED, ["file:///srv/checkpoints", 900])
    owner.commit()

    page = client.get("/").content.decode()

    assert "Sealed and published</span>" in page
    assert CHAIN in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_alarm", "ring")
def test_a_process_that_may_not_read_the_keys_says_so(
    client_for: ClientFor, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_KEYRING = tmp_path / "elsewhere"

    assert "This process cannot show them" in client_for("admin").get(CHAIN).content.decode()


@pytest.mark.usefixtures("ring")
def test_keys_are_shown_as_they_are_pinned() -> None:
    keyring.add_key(500)
    first = keyring.load().keys[0].public
    keyring.retire_key(first.key_id.hex(), 700)

    keys, why = chain.public_keys()

    assert why == ""
    assert [key.sizes for key in keys] == ["0 to 700", "500 and more"]
    assert keys[0].text == f"{first} 0-700"
    assert keys[1].text.endswith(" 500-")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_alarm")
def test_the_latest_checkpoints_are_shown_whole(client_for: ClientFor, seal: Seal) -> None:
    for _ in range(chain.SHOWN + 2):
        write()
        seal()

    batches = chain.latest_batches()
    page = client_for("admin").get(CHAIN).content.decode()

    assert [one.number for one in batches] == list(range(chain.SHOWN + 2, 2, -1))
    assert all(one.note in html.unescape(page) for one in batches)
