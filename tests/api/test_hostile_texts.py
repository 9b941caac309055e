"""Texts that mean to be something else: names with headers in them, paths, NUL, a megabyte."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts.models import Session
from imaging.models import Image
from tests.api.asking import JSON, Asking, problem
from tests.api.world import PASSWORD, World
from tests.factories import make_user
from tests.pictures import jpeg

pytestmark = pytest.mark.django_db

LOGIN: Final = "/api/v1/auth/login/"
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# RFC 6266: one name, its quotation marks escaped, or percent-encoded.
_ONE_NAME: Final = re.compile(
    r"attachment; filename(=\"(?:[^\"\\]|\\.)*\"|\*=utf-8''[\w%.~!$&+^`|-]+)", re.ASCII
)
TEXTS: Final = (
    "a\r\nSet-Cookie: a=b",
    "a\nBcc: everybody@example.org",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "{{ 7*7 }} ${7*7} %(a)s %s {0}",
    "=HYPERLINK(1)",
    "'; DROP TABLE users; --",
    "é" * 150,
    "👩‍👩‍👧‍👦" * 20,
    "e" + "\u0301" * 150,
    "ﷺ" * 100,
    "\ufeff\u200b\u2060",
)


@pytest.mark.parametrize("text", TEXTS)
def test_the_name_of_a_device_is_kept_as_a_name(world: World, text: str) -> None:
    person = make_user("viewer")
    person.set_password(PASSWORD)
    person.save()
    body = {"email": person.email, "password": PASSWORD, "device_name": text}

    answer = Client(headers={"user-agent": text.replace("\r", "").replace("\n", "")}).post(
        LOGIN, body, content_type=JSON
    )

    assert answer.status_code == 200
    session = Session.objects.get(user=person)
    assert not CONTROL.search(session.device_name)
    assert len(session.device_name) <= 200
    assert not {"Set-Cookie", "Bcc"} & set(answer.headers)
    assert not answer.cookies


def test_a_name_beyond_its_column_is_refused_and_not_cut_in_silence(ask: Asking) -> None:
    me = ask.world.people["analyst"].pk
    match = {"If-Match": "*"}
    long = {"full_name": "ä" * 256}
    told = problem(ask("analyst", "PATCH", f"/api/v1/people/{me}/", long, headers=match), 400)
    assert [error["field"] for error in told["errors"]] == ["full_name"]

    key = {"name": "ä" * 256, "scopes": ["read:people"]}
    told = problem(ask("analyst", "POST", "/api/v1/api-keys/", key), 400)
    assert [error["field"] for error in told["errors"]] == ["name"]


@pytest.mark.parametrize("text", TEXTS)
def test_no_name_gets_into_the_head_of_a_letter(
    ask: Asking, text: str, django_capture_on_commit_callbacks: Any
) -> None:
    """The name of who invites, and the address that is invited: RFC 5322 heads have one line."""
    admin = ask.world.people["admin"]
    ask("admin", "PATCH", f"/api/v1/people/{admin.pk}/", {"full_name": text}, kept=True)
    with django_capture_on_commit_callbacks(execute=True):
        ask("admin", "POST", "/api/v1/invitations/", {"email": "a@example.org"}, kept=True)
        refused = ask("admin", "POST", "/api/v1/invitations/", {"email": f"a{text}@example.org"})

    assert refused.status_code in {201, 400}
    for letter in mail.outbox:
        heads = dict(letter.message().items())
        assert not {"Bcc", "Set-Cookie"} & set(heads)
        assert all("\n" not in value.replace("\n ", "") for value in heads.values())
        assert len(letter.to) == 1


@pytest.fixture
def stored(settings: Settings, tmp_path: Path) -> Path:
    """Where uploads of the test lie."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = folder
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "config.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(folder)},
        },
    }
    return folder


FILE_NAMES: Final = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/cron.d/a.jpg",
    "C:\\a.jpg",
    "a.jpg%00.php",
    "....//....//a.jpg",
    "con.jpg",
    ".htaccess",
    "~root/.ssh/authorized_keys",
    "a;rm -rf $HOME.jpg",
    "a%0d%0aSet-Cookie: a=b.jpg",
    "file:///etc/passwd",
    "x" * 800 + ".jpg",  # a form whose part has a longer head is refused as broken
    "大" * 270 + ".jpg",
    '"; filename="other.jpg',
)


@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_file_lies_where_its_bytes_say_whatever_it_is_called(
    ask: Asking, stored: Path, name: str
) -> None:
    """ASVS 5.3.2, 5.4.2: paths are made of the hash; names are encoded where they are served."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    body = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode() + jpeg(seed=7)
    body += b"\r\n--b--\r\n"

    answer = ask(
        "analyst",
        "POST",
        "/api/v1/images/",
        body,
        content_type="multipart/form-data; boundary=b",
        kept=True,
    )

    assert answer.status_code == 201, answer.content
    image = Image.objects.get(pk=json.loads(answer.content)["id"])
    assert re.fullmatch(r"[\w/.-]+", image.file_path)
    assert ".." not in image.file_path
    assert not set(image.file_name) & {"/", "\\", "\0", "\r", "\n"}
    files = {str(path.relative_to(stored)) for path in stored.rglob("*") if path.is_file()}
    originals = {path for path in files if path.startswith("originals/")}
    assert originals == {image.file_path}
    assert image.file_hash in image.file_path
    assert all(path.startswith("derived/") and str(image.pk) in path for path in files - originals)
    served = ask("analyst", "GET", f"/api/v1/images/{image.pk}/original/")
    assert served.status_code == 200
    head = served["Content-Disposition"]
    assert head.startswith("attachment")
    assert not CONTROL.search(head)
    assert _ONE_NAME.fullmatch(head), head
    assert "Set-Cookie" not in served
