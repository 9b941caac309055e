"""A program comes with a key: who is let in, who is refused and what is said and noted of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_key_text
from accounts.actions import api_keys
from accounts.models import ApiKey, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.api_keys.keys import ask, insert_key, make_key
from tests.audit.capture.told import actions, everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db

HERE = "192.0.2.1"


@pytest.fixture
def person() -> User:
    return make_user("viewer")


def refusals() -> list[Entry]:
    return list(Entry.objects.filter(action="api_key.refused").order_by("id"))


def test_a_key_finds_itself_and_its_person(person: User) -> None:
    new = make_key(person)

    with acting_as(None):  # as in a request, before it is known who asks
        found = api_keys.find(new.secret, address=HERE)
    assert (found.pk, found.user) == (new.key.pk, person)
    assert refusals() == []


def test_a_key_inserted_in_plain_sql_works_too(person: User) -> None:
    insert_key(person, "partner.9f1c0a77")

    found = api_keys.find("partner.9f1c0a77", address=HERE)
    assert (found.user, found.prefix, found.rate_limit_per_minute) == (person, "", 600)


def test_the_key_and_its_person_are_one_query(person: User) -> None:
    new = make_key(person)
    with CaptureQueriesContext(connection) as queries:
        api_keys.find(new.secret, address=HERE)

    told = [query["sql"] for query in queries if "api_keys" in query["sql"]]
    assert len([sql for sql in told if sql.startswith("SELECT")]) == 1
    assert "JOIN" in told[0]
    assert len(queries) <= 3  # found, counted, noted as used


SOON, PAST = timedelta(minutes=5), timedelta(seconds=-1)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"revoked_at": timedelta()}, "was withdrawn"),
        ({"is_active": False}, "is switched off"),
        ({"expires_at": PAST}, "expired on"),
    ],
)
def test_a_key_that_is_over_is_refused_and_says_why(
    person: User, columns: dict[str, Any], sentence: str
) -> None:
    new = make_key(person)
    values = {
        name: timezone.now() + value if isinstance(value, timedelta) else value
        for name, value in columns.items()
    }
    ApiKey.objects.filter(pk=new.key.pk).update(**values)

    with pytest.raises(api_keys.KeyRefused, match=sentence):
        api_keys.find(new.secret, address=HERE)
    (entry,) = refusals()
    assert (entry.outcome, entry.resource_type, entry.resource_id) == (
        "failure",
        "api_key",
        str(new.key.pk),
    )
    assert entry.details == {"prefix": new.key.prefix}


def test_a_key_is_good_until_it_expires(person: User) -> None:
    new = make_key(person, expires_at=timezone.now() + SOON)

    assert api_keys.find(new.secret, address=HERE).pk == new.key.pk


def test_a_deactivated_persons_keys_open_nothing_and_again_when_they_are_back(
    person: User,
) -> None:
    make_user("admin")
    new = make_key(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    with pytest.raises(api_keys.KeyRefused, match="has been deactivated"):
        api_keys.find(new.secret, address=HERE)

    User.objects.filter(pk=person.pk).update(is_active=True)
    assert api_keys.find(new.secret, address=HERE).pk == new.key.pk


@pytest.mark.parametrize(
    ("address", "admitted"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), (HERE, False), ("", False)],
)
def test_a_key_is_used_from_its_networks_alone(person: User, address: str, admitted: bool) -> None:
    new = make_key(person, networks=["10.0.0.0/8"])
    if admitted:
        assert api_keys.find(new.secret, address=address).pk == new.key.pk
        return

    with pytest.raises(api_keys.AddressRefused, match="may not be used from"):
        api_keys.find(new.secret, address=address)
    assert not address or address not in refusals()[0].payload


# --- What nobody knows ----------------------------------------------------------------------------


def test_an_unknown_key_is_refused_and_not_written_down(person: User) -> None:
    wrong = api_key_text.make()

    with pytest.raises(api_keys.KeyRefused, match="is not known"):
        api_keys.find(wrong.whole, address=HERE)
    (entry,) = refusals()
    assert (entry.resource_id, entry.details) == (None, None)
    for part in (wrong.whole, wrong.prefix, wrong.whole.partition(".")[2], wrong.digest):
        assert part not in everything()


def test_a_mistyped_key_is_told_from_a_wrong_one_without_a_look_up(person: User) -> None:
    new = make_key(person)
    slip = new.secret[:-1] + ("0" if new.secret[-1] != "0" else "1")
    with (
        CaptureQueriesContext(connection) as queries,
        pytest.raises(api_keys.KeyRefused, match="is mistyped"),
    ):
        api_keys.find(slip, address=HERE)

    assert not any("key_hash" in query["sql"] for query in queries)
    (entry,) = refusals()
    assert entry.details == {"prefix": new.key.prefix}
    assert slip not in everything()


@pytest.mark.parametrize("sent", ["", "a b", "x" * 300, "\x00", "ключ.секрет", "lac_"])
def test_whatever_is_sent_is_refused(sent: str) -> None:
    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(sent, address=HERE)


def test_the_hash_of_a_key_is_no_key(person: User) -> None:
    new = make_key(person)

    with pytest.raises(api_keys.KeyRefused):
        api_keys.find(new.key.key_hash, address=HERE)


# --- What plain SQL may have written --------------------------------------------------------------

NO_NAMES = ["null", '"read:people"', "{}", '{"read:people": true}', "[1]", "[null]", "42", "[[]]"]


@pytest.mark.parametrize("scopes", NO_NAMES)
def test_scopes_that_are_no_list_of_names_open_nothing(person: User, scopes: str) -> None:
    insert_key(person, "partner.1", scopes=f"'{scopes}'")

    with pytest.raises(api_keys.KeyRefused, match="cannot be read"):
        api_keys.find("partner.1", address=HERE)
    assert ask("partner.1").status_code == 401


@pytest.mark.parametrize("networks", ["null", '"0.0.0.0/0"', "{}", "[1]", '["here"]', "[null]"])
def test_networks_that_cannot_be_read_admit_nobody(person: User, networks: str) -> None:
    insert_key(person, "partner.2", ip_whitelist=f"'{networks}'")

    with pytest.raises(api_keys.AddressRefused, match="cannot be read"):
        api_keys.find("partner.2", address=HERE)
    assert ask("partner.2").status_code == 403


@pytest.mark.parametrize("column", ["scopes", "ip_whitelist"])
@pytest.mark.parametrize(
    "value",
    ["(repeat('[', 3000) || repeat(']', 3000))::jsonb", "('[' || repeat('9', 5000) || ']')::jsonb"],
)
def test_json_that_python_cannot_read_opens_nothing(person: User, column: str, value: str) -> None:
    insert_key(person, "partner.3", **{column: value})

    with pytest.raises(api_keys.KeyRefused):
        api_keys.find("partner.3", address=HERE)
    assert ask("partner.3").status_code in {401, 403}


def test_scopes_that_there_are_not_give_nothing(person: User) -> None:
    insert_key(person, "partner.4", scopes="""'["read:people", "read:everything", "*", ""]'""")

    found = api_keys.find("partner.4", address=HERE)
    assert api_keys.scopes_of(found) == {"read:people"}


# --- How often ------------------------------------------------------------------------------------


def test_a_key_is_used_so_often_a_minute_and_no_more(person: User) -> None:
    new, other = make_key(person, rate_limit_per_minute=3), make_key(person)
    for _ in range(3):
        api_keys.find(new.secret, address=HERE)

    with pytest.raises(api_keys.TooManyRequests, match="3 times a minute") as caught:
        api_keys.find(new.secret, address=HERE)
    assert 1 <= caught.value.wait <= 60
    assert api_keys.find(other.secret, address=HERE).pk == other.key.pk


def test_a_key_without_a_limit_is_not_counted(person: User) -> None:
    new = make_key(person, rate_limit_per_minute=None)
    for _ in range(5):
        api_keys.find(new.secret, address=HERE)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM throttles WHERE scope = 'api_key'")
        assert cursor.fetchone() == (0,)


def test_refused_keys_are_counted_by_address_and_good_ones_are_not(person: User) -> None:
    good = make_key(person)
    for _ in range(api_keys.MOST_REFUSED):
        with pytest.raises(api_keys.KeyRefused):
            api_keys.find("wrong." + uuid.uuid4().hex, address="2001:db8::1")

    with pytest.raises(api_keys.TooManyRequests) as caught:
        api_keys.find("wrong.again", address="2001:db8::2")  # the same household
    assert 1 <= caught.value.wait <= 60
    assert len(refusals()) == api_keys.MOST_REFUSED, "a flood does not fill the log"
    assert api_keys.find(good.secret, address="2001:db8::1").pk == good.key.pk
    with pytest.raises(api_keys.KeyRefused):
        api_keys.find("wrong.again", address="2001:db8:0:1::1")


# --- The last use ---------------------------------------------------------------------------------


def last_used(new: api_keys.NewKey) -> Any:
    return ApiKey.objects.values_list("last_used_at", "updated_at").get(pk=new.key.pk)


def test_the_last_use_is_noted_once_a_minute_and_changes_nothing_else(person: User) -> None:
    new = make_key(person)
    _, changed = last_used(new)
    api_keys.find(new.secret, address=HERE)
    first, updated = last_used(new)
    assert first is not None
    assert updated == changed

    api_keys.find(new.secret, address=HERE)
    assert last_used(new)[0] == first

    earlier = timezone.now() - timedelta(seconds=61)
    ApiKey.objects.filter(pk=new.key.pk).update(last_used_at=earlier)
    api_keys.find(new.secret, address=HERE)
    assert last_used(new)[0] > earlier
    assert actions("api_key") == ["api_key.created"]


def test_a_refused_use_is_no_use(person: User) -> None:
    new = make_key(person, networks=["10.0.0.0/8"])
    with pytest.raises(api_keys.AddressRefused):
        api_keys.find(new.secret, address=HERE)

    assert last_used(new)[0] is None


@pytest.mark.django_db(transaction=True)
def test_who_uses_a_key_does_not_wait_for_who_changes_it(administrator: Any) -> None:
    new = make_key(make_user("viewer"))
    with administrator.transaction():
        administrator.execute("UPDATE api_keys SET last_used_at = NULL WHERE id = %s", [new.key.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        try:
            assert api_keys.find(new.secret, address=HERE).pk == new.key.pk
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
