"""The door's pages: one step or two, where they lead, and what they never tell."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.actions import log_in
from accounts.models import Session, User
from accounts.pages import login as pages
from audit.models import Entry
from database.models import SystemSetting
from tests.accounts.login.conftest import PASSWORD, WRONG, MakePerson, turn_on_codes
from tests.factories import make_user

pytestmark = pytest.mark.django_db

CODE_PAGE = "/login/code/"


def give_password(client: Client, person: User, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/login/", {"username": person.email, "password": password} | more)


def text(response: Any) -> str:
    page: str = response.content.decode()
    return page


# --- One step -------------------------------------------------------------------------------------


def test_the_right_password_begins_a_session_and_leads_on(client: Client, person: User) -> None:
    response = give_password(client, person)

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    session = Session.objects.get(user=person)
    assert (session.kind, session.has_second_factor, session.ended_at) == ("browser", False, None)


def test_the_key_of_the_session_is_a_new_one(client: Client, person: User) -> None:
    """ASVS 5.0 V7.2.4: a key that somebody planted before is worth nothing afterwards."""
    planted = client.session
    planted["seen"] = True
    planted.save()
    before = str(planted.session_key)
    client.cookies["sessionid"] = before

    give_password(client, person)

    assert client.cookies["sessionid"].value != before
    other = Client()
    other.cookies["sessionid"] = before
    assert other.get("/").status_code == 302


@pytest.mark.parametrize(
    "prepare", [{}, {"is_active": False}, {"role": "api_user"}, {"password": "!"}]
)
def test_every_refusal_is_the_same_page(
    client: Client, person: User, prepare: dict[str, Any]
) -> None:
    """ASVS 5.0 V6.3.8: known, unknown, deactivated, without access: status, words, all alike."""
    User.objects.filter(pk=person.pk).update(**prepare)
    given = WRONG if not prepare else PASSWORD
    unknown = client.post("/login/", {"username": "nobody@example.org", "password": given})
    known = give_password(client, person, given)

    def bare(response: Any) -> str:
        page = re.sub(r'value="[^"]*"', "", text(response))
        return re.sub(r"nonce-[\w-]+", "", page)

    assert known.status_code == unknown.status_code == 200
    assert bare(known) == bare(unknown)
    assert log_in.REFUSED in text(known)
    assert set(known.headers) == set(unknown.headers)


def test_what_was_typed_as_a_password_is_not_sent_back(client: Client, person: User) -> None:
    page = text(give_password(client, person, WRONG))

    assert WRONG not in page
    assert person.email in page


def test_what_is_missing_is_said_at_its_field(client: Client) -> None:
    page = text(client.post("/login/", {"username": "", "password": ""}))

    assert "Type your e-mail address." in page
    assert "Type your password." in page
    assert page.count('aria-invalid="true"') == 2
    assert 'aria-describedby="id_username_error"' in page


def test_an_api_user_is_refused_and_the_log_says_why(
    client: Client, make_person: MakePerson
) -> None:
    person = make_person("api_user")

    page = text(give_password(client, person))

    assert log_in.REFUSED in page
    entry = Entry.objects.filter(action="session.refused").latest("id")
    assert entry.details == {"reason": "no_staff_role"}


def test_the_fields_are_known_to_password_managers(client: Client) -> None:
    """ASVS 5.0 V6.2.6, V6.2.7: masked, and nothing stands in the way of pasting."""
    page = text(client.get("/login/"))

    assert re.search(r'<input type="text" name="username"[^>]*autocomplete="username"', page)
    assert re.search(r'type="password" name="password"[^>]*autocomplete="current-password"', page)
    assert "onpaste" not in page
    assert "maxlength" not in page
    assert client.get("/login/")["Cache-Control"].startswith("max-age=0, no-cache, no-store")


def test_who_is_logged_in_is_led_on_from_the_door(client: Client) -> None:
    client.force_login(make_user("viewer"))

    assert client.get("/login/", {"next": "/imaging/image/"})["Location"] == "/imaging/image/"


def test_who_is_logged_in_without_access_is_told_as_whom(client: Client) -> None:
    client.force_login(make_user("api_user", full_name="Robot"))

    assert "You are logged in as Robot" in text(client.get("/login/"))


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    for page in ("/login/", CODE_PAGE, "/logout/"):
        assert getattr(client, method)(page).status_code == 405


# --- Where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/imaging/image/?status=failed", "/imaging/image/?status=failed"),
        ("", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("http://testserver/imaging/", "/"),
        ("javascript:alert(1)", "/"),
        ("imaging/image/", "/"),
        ("\t//evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/%0d%0aSet-Cookie:x=1", "/%0d%0aSet-Cookie:x=1"),
    ],
)
def test_it_leads_to_paths_of_ours_alone(wanted: str, led: str) -> None:
    factory = RequestFactory()

    assert pages.next_page(factory.get("/login/", {"next": wanted})) == led
    assert pages.next_page(factory.post("/login/", {"next": wanted})) == led


def test_where_somebody_wanted_to_go_is_kept_through_both_steps(
    client: Client, person: User
) -> None:
    next_code, _ = turn_on_codes(person)
    wanted = "/imaging/image/?status=failed"

    first = give_password(client, person, next=wanted)
    assert first["Location"] == f"{CODE_PAGE}?next=%2Fimaging%2Fimage%2F%3Fstatus%3Dfailed"
    assert f'name="next" value="{wanted}"' in text(client.get(first["Location"]))
    second = client.post(CODE_PAGE, {"code": next_code(), "next": wanted})

    assert second["Location"] == wanted


# --- Two steps ------------------------------------------------------------------------------------


def test_the_password_alone_opens_nothing_where_a_code_is_asked_for(
    client: Client, person: User
) -> None:
    turn_on_codes(person)

    response = give_password(client, person)

    assert response["Location"].startswith(CODE_PAGE)
    assert client.get("/").status_code == 302
    assert not Session.objects.filter(user=person, ended_at=None).exists()


def test_the_right_code_opens_and_is_noted(client: Client, person: User) -> None:
    next_code, _ = turn_on_codes(person)
    give_password(client, person)
    between = client.cookies["sessionid"].value

    response = client.post(CODE_PAGE, {"code": next_code()})

    assert response["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Session.objects.get(user=person, ended_at=None).has_second_factor
    assert client.cookies["sessionid"].value != between
    assert "login_pending" not in client.session


def test_a_recovery_code_opens_too_once(client: Client, person: User) -> None:
    _, recovery = turn_on_codes(person)

    give_password(client, person)
    assert client.post(CODE_PAGE, {"code": recovery[0]}).status_code == 302
    client.post("/logout/")
    give_password(client, person)

    assert log_in.CODE_REFUSED in text(client.post(CODE_PAGE, {"code": recovery[0]}))


def test_a_wrong_code_is_said_at_its_field(client: Client, person: User) -> None:
    turn_on_codes(person)
    give_password(client, person)

    page = text(client.post(CODE_PAGE, {"code": "000000"}))

    assert log_in.CODE_REFUSED in page
    assert 'aria-invalid="true"' in page
    assert client.get("/").status_code == 302


def test_the_code_page_is_made_for_codes(client: Client, person: User) -> None:
    turn_on_codes(person)
    give_password(client, person)

    page = text(client.get(CODE_PAGE))

    assert 'autocomplete="one-time-code"' in page
    assert person.email not in page


def test_without_the_first_step_there_is_no_second(client: Client) -> None:
    response = client.get(CODE_PAGE, {"next": "/imaging/image/"})

    assert response["Location"] == "/login/?next=%2Fimaging%2Fimage%2F&late=1"
    assert "Begin again with your password" in text(client.get(response["Location"]))


def expire(client: Client) -> None:
    session = client.session
    pending = session["login_pending"]
    assert 0 < pending["until"] - timezone.now().timestamp() <= pages.PENDING_SECONDS
    session["login_pending"] = pending | {"until": 1}
    session.save()


def test_the_second_step_has_five_minutes(client: Client, person: User) -> None:
    next_code, _ = turn_on_codes(person)
    give_password(client, person)
    expire(client)

    assert client.post(CODE_PAGE, {"code": next_code()})["Location"].startswith("/login/")
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("change", [{"password": "argon2$other"}, {"is_active": False}])
def test_what_changes_between_the_steps_voids_the_first(
    client: Client, person: User, change: dict[str, Any]
) -> None:
    next_code, _ = turn_on_codes(person)
    give_password(client, person)
    User.objects.filter(pk=person.pk).update(**change)

    assert client.post(CODE_PAGE, {"code": next_code()})["Location"].startswith("/login/")


def test_the_first_step_belongs_to_one_person(
    client: Client, person: User, make_person: MakePerson
) -> None:
    """The code of somebody else does not open for whoever gave the password."""
    turn_on_codes(person)
    other = make_person()
    others_code, _ = turn_on_codes(other)
    give_password(client, person)

    assert log_in.CODE_REFUSED in text(client.post(CODE_PAGE, {"code": others_code()}))


def test_a_first_step_while_logged_in_ends_that_session(
    client: Client, person: User, make_person: MakePerson
) -> None:
    first = make_person()
    give_password(client, first)
    turn_on_codes(person)

    give_password(client, person)

    assert client.get("/").status_code == 302
    assert Session.objects.get(user=first).end_reason == "logged_out"


# --- Going out ------------------------------------------------------------------------------------


def test_logging_out_ends_the_session_for_whoever_kept_its_key(
    client: Client, person: User
) -> None:
    give_password(client, person)
    kept = Client()
    kept.cookies["sessionid"] = client.cookies["sessionid"].value
    assert kept.get("/").status_code == 200

    response = client.post("/logout/")

    assert "You are logged out" in text(response)
    assert Session.objects.get(user=person).end_reason == "logged_out"
    assert kept.get("/").status_code == 302


def test_a_link_logs_nobody_out(client: Client, person: User) -> None:
    give_password(client, person)

    assert client.get("/logout/").status_code == 405
    assert client.get("/").status_code == 200


def test_a_form_of_another_site_logs_nobody_in_or_out(person: User) -> None:
    client = Client(enforce_csrf_checks=True)

    assert give_password(client, person).status_code == 403
    assert client.post("/logout/").status_code == 403


# --- What comes first -----------------------------------------------------------------------------


def demand_codes() -> None:
    SystemSetting.objects.update_or_create(
        setting_key="require_second_factor_for_staff", defaults={"setting_value": True}
    )


def test_who_lacks_a_demanded_second_factor_is_led_to_it(client: Client, person: User) -> None:
    give_password(client, person)
    demand_codes()

    for address in ("/", "/imaging/image/", "/search/?q=x"):
        assert client.get(address)["Location"].startswith("/second_factor/")
    assert client.get("/password_change/").status_code == 200
    assert client.post("/logout/").status_code == 200


def test_who_has_it_goes_on(client: Client, person: User) -> None:
    next_code, _ = turn_on_codes(person)
    demand_codes()
    give_password(client, person)
    client.post(CODE_PAGE, {"code": next_code()})

    assert client.get("/").status_code == 200


def test_an_old_password_is_to_be_changed_only_where_a_setting_says_so(
    client: Client, person: User, settings: Any
) -> None:
    """ASVS 5.0 V6.2.10: by default a password stays valid."""
    give_password(client, person)
    long_ago = timezone.now() - timedelta(days=4000)
    User.objects.filter(pk=person.pk).update(password_changed_at=long_ago)
    assert client.get("/").status_code == 200

    settings.PASSWORD_MAX_AGE_DAYS = 365

    assert client.get("/")["Location"] == "/password_change/"
    User.objects.filter(pk=person.pk).update(password_changed_at=timezone.now())
    assert client.get("/").status_code == 200
