"""The list of live sessions, one session, and ending them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, SessionEnd, SessionKind, User
from audit.models import Entry
from tests.accounts.admin.conftest import browser_of
from tests.accounts.admin.scene import SESSIONS, door_of, make_session, page_of, with_password
from tests.factories import make_user

END_MANY = f"{SESSIONS}end/"


@pytest.fixture
def ada(db: None) -> User:
    return with_password("analyst", full_name="Ada Lovelace", email="ada@example.org")


def devices(client: Client, query: str = "") -> list[str]:
    """What the list shows, from top to bottom."""
    page = client.get(SESSIONS + query).content.decode()
    return re.findall(r'<th class="field-device[^"]*"><a[^>]*>([^<]*)', page)


def used(session: Session, minutes_ago: int) -> None:
    moment = timezone.now() - timedelta(minutes=minutes_ago)
    Session.objects.filter(pk=session.pk).update(last_used_at=moment)


# --- The list -------------------------------------------------------------------------------------


def test_the_list_shows_who_is_logged_in_the_latest_use_first(client: Client, ada: User) -> None:
    used(make_session(ada, device_name="Old notebook"), 50)
    used(make_session(ada, device_name="curl", kind=SessionKind.API), 5)
    make_session(ada, device_name="Ended", ended_at=timezone.now(), end_reason="revoked")
    make_session(ada, device_name="Expired", expires_at=timezone.now() - timedelta(hours=1))

    assert devices(client)[-2:] == ["curl", "Old notebook"]
    assert not {"Ended", "Expired"} & set(devices(client))


def test_where_one_looks_from_is_marked(client: Client) -> None:
    assert any("(you are here)" in device for device in devices(client))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind__exact=api", ["curl"]),
        ("?has_second_factor__exact=1", ["Firefox with a code"]),
        ("?q=lovelace", ["curl", "Firefox with a code"]),
        ("?q=curl", ["curl"]),
        ("?person=nobody", []),
    ],
)
def test_the_list_is_narrowed(client: Client, ada: User, query: str, found: list[str]) -> None:
    make_session(ada, device_name="curl", kind=SessionKind.API)
    make_session(ada, device_name="Firefox with a code", has_second_factor=True)

    assert sorted(devices(client, query), key=str.lower) == found


def test_the_list_of_one_person_names_them(client: Client, ada: User) -> None:
    make_session(ada, device_name="curl")

    page = client.get(f"{SESSIONS}?person={ada.pk}").content.decode()

    assert devices(client, f"?person={ada.pk}") == ["curl"]
    assert "Ada Lovelace" in re.sub(r"(?s)<table.*?</table>", "", page)


def test_the_list_costs_the_same_however_many_are_logged_in(client: Client) -> None:
    client.get(SESSIONS)
    with CaptureQueriesContext(connection) as few:
        client.get(SESSIONS)
    for _ in range(5):
        make_session(make_user())

    with CaptureQueriesContext(connection) as many:
        client.get(SESSIONS)

    assert len(few) == len(many)


# --- One session ----------------------------------------------------------------------------------


def test_a_session_says_what_is_known_of_it(client: Client, ada: User) -> None:
    session = make_session(ada, has_second_factor=True)

    page = client.get(page_of(session)).content.decode()

    for said in ("Firefox on Linux", "203.0.113.7", "rv:140.0", "given", "Live", str(session.pk)):
        assert said in page, said
    assert door_of(session, "end") in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"ended_at": timezone.now(), "end_reason": SessionEnd.ROLE_CHANGED}, "Over: "),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "Over: not used for too long"),
    ],
)
def test_a_session_that_is_over_is_found_and_cannot_be_ended(
    client: Client, ada: User, fields: dict[str, object], sentence: str
) -> None:
    session = make_session(ada, **fields)

    page = client.get(page_of(session)).content.decode()

    assert sentence in page
    assert door_of(session, "end") not in page


def test_what_a_device_says_of_itself_is_shown_as_text(client: Client, ada: User) -> None:
    session = make_session(ada, device_name="<script>x</script>", user_agent="<b>\u202e")

    for path in (SESSIONS, page_of(session), page_of(ada)):
        page = client.get(path).content.decode()
        assert "<script>x" not in page
        assert "<b>" not in page
        assert "\u202e" not in page


def test_a_session_that_there_is_not_is_said_to_be_missing(client: Client, ada: User) -> None:
    nothing = Session(user=ada)

    answer = client.get(page_of(nothing), follow=True)

    assert "doesn\u2019t exist" in answer.content.decode()


# --- Ending ---------------------------------------------------------------------------------------


def test_a_session_is_ended_at_once(client: Client, admin: User, ada: User) -> None:
    theirs = browser_of(ada)
    session = Session.objects.get(user=ada)

    page = client.post(door_of(session, "end"), follow=True).content.decode()

    session.refresh_from_db()
    entry = Entry.objects.get(action="session.revoked")
    assert "of Ada Lovelace is logged out." in page
    assert session.end_reason == SessionEnd.REVOKED_BY_ADMIN
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(session.pk))
    assert theirs.get("/").status_code == 302


def test_the_session_in_which_one_looks_is_not_ended(client: Client, admin: User) -> None:
    session = Session.objects.get(user=admin)

    page = client.post(door_of(session, "end"), follow=True).content.decode()

    assert "This is where you are now." in page
    assert client.get("/").status_code == 200


def test_a_session_that_ended_meanwhile_is_no_fault(client: Client, ada: User) -> None:
    nothing = Session(user=ada)

    page = client.post(door_of(nothing, "end"), follow=True).content.decode()

    assert "There is no such session any more." in page


def test_several_are_ended_after_a_question(client: Client, admin: User, ada: User) -> None:
    some = [make_session(ada), make_session(ada, device_name="curl")]
    own = Session.objects.get(user=admin)
    chosen = [str(one.pk) for one in [*some, own]]

    asked = client.post(SESSIONS, {"action": "end_chosen", "_selected_action": chosen}, follow=True)
    assert "End 2 sessions" in asked.content.decode()
    assert "Ada Lovelace: curl" in asked.content.decode()
    assert not Session.objects.exclude(ended_at=None).exists(), "asking ends nothing"
    page = client.post(asked.redirect_chain[-1][0], follow=True).content.decode()

    reasons = Session.objects.filter(user=ada).values_list("end_reason", flat=True)
    assert "2 sessions were ended." in page
    assert set(reasons) == {SessionEnd.REVOKED_BY_ADMIN}
    own.refresh_from_db()
    assert own.ended_at is None, "where it is asked from stays"


@pytest.mark.parametrize("query", ["", "?session=nonsense", "?session=" + "0" * 32])
def test_none_to_end_is_said(client: Client, query: str) -> None:
    page = client.get(END_MANY + query, follow=True).content.decode()

    assert "None of the chosen sessions is live any more." in page


def test_ending_is_posted(client: Client, ada: User) -> None:
    assert client.get(door_of(make_session(ada), "end")).status_code == 405


# --- Who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_others_see_and_end_their_own_alone(ada: User, role: str) -> None:
    person = with_password(role)
    own = browser_of(person)
    mine, other = make_session(person, device_name="Mine"), make_session(ada)

    assert own.get(SESSIONS).status_code == 403
    assert own.get(END_MANY).status_code == 403
    assert own.get(page_of(other)).status_code == 403
    assert "Mine" in own.get(page_of(mine)).content.decode()
    own.post(door_of(other, "end"))
    own.post(door_of(mine, "end"))

    mine.refresh_from_db()
    other.refresh_from_db()
    assert other.ended_at is None
    assert mine.end_reason == SessionEnd.REVOKED
