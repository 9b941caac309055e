"""Providers, keys, usage and quotas through the API: who sees and changes what."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from providers.actions import money, others_keys
from providers.api.keys import ProviderKeySerializer
from providers.interface import KeyRefused, ProviderDown
from providers.models import KeyStatus, Provider, ProviderHealth, UserProvider, UserQuota
from tests.accounts.api_keys.keys import ask, make_key
from tests.accounts.people.callers import Caller
from tests.factories import make_own_key, make_price, make_provider, make_quota, make_user
from tests.providers.fake import Fake

pytestmark = pytest.mark.django_db

StandIn = Callable[..., Fake]
API = "/api/v1/"
SECRET = "sk-live-Zq7xWv0123456789"


@pytest.fixture
def admin() -> Caller:
    return Caller(make_user("admin"))


def spend(user: User, cost: object) -> None:
    provider = make_provider("openai")
    price = provider.prices.first() or make_price(provider)
    hold = money.reserve(
        user_id=user.pk,
        provider=provider,
        model=price.model,
        purpose="test",
        amount=Decimal(str(cost)),
        price=price,
        seconds=60,
    )
    assert hold.id is not None
    money.settle(hold.id, Decimal(str(cost)))


def results(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


# --- Providers ------------------------------------------------------------------------------------


def test_everybody_who_works_here_sees_providers_and_no_key() -> None:
    provider = make_provider("openai", key=SECRET, base_url="https://10.0.0.1/v1")
    ProviderHealth.objects.create(provider=provider, status="down", error_message="x")

    for role in ("moderator", "analyst", "viewer", "api_user"):
        answer = Caller(make_user(role)).get(f"{API}providers/")
        rows = {row["name"]: row for row in results(answer)}
        assert list(rows) == ["local", "openai", "anthropic", "google"]
        assert rows["openai"]["has_team_key"] is True
        assert rows["openai"]["health"] == "down"
        assert rows["openai"]["base_url"] is None
        assert rows["local"]["health"] is None
        assert SECRET not in answer.content.decode()
        assert "6789" not in answer.content.decode()


def test_admins_alone_change_them(admin: Caller) -> None:
    provider = Provider.objects.get(name="openai")
    path = f"{API}providers/{provider.pk}/"

    changed = admin.patch(path, {"is_enabled": True, "rank": 3})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["is_enabled"], changed.json()["rank"]) == (True, 3)
    refused = admin.patch(path, {"base_url": "https://127.0.0.1/"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "base_url"
    assert Caller(make_user("moderator")).patch(path, {"rank": 4}).status_code == 403


# --- Keys -----------------------------------------------------------------------------------------


def test_a_key_is_entered_switched_tested_and_removed_but_never_read(fake: StandIn) -> None:
    stand_in = fake("openai")
    user = make_user("analyst")
    caller = Caller(user)

    made = caller.post(f"{API}provider-keys/", {"provider": "openai", "key": SECRET})
    assert made.status_code == 201, made.content
    path = f"{API}provider-keys/{made.json()['id']}/"
    answers = [
        made,
        caller.get(path),
        caller.get(f"{API}provider-keys/"),
        caller.patch(path, {"is_active": False}),
        caller.post(f"{path}test/"),
    ]
    assert [answer.status_code for answer in answers[1:]] == [200] * 4
    assert [one for one in answers if SECRET in one.content.decode()] == []
    assert (made.json()["key_hint"], made.json()["status"]) == ("6789", "works")
    assert answers[3].json()["is_active"] is False
    assert stand_in.checked == [SECRET, SECRET]

    assert caller.delete(path).status_code == 204
    assert not UserProvider.objects.exists()


def test_what_is_refused_is_said_and_not_stored(fake: StandIn) -> None:
    stand_in, caller = fake("openai"), Caller(make_user())

    def enter(**more: object) -> Any:
        body = {"provider": "openai", "key": SECRET} | more
        return caller.post(f"{API}provider-keys/", body)

    stand_in.health = KeyRefused("OpenAI refuses the key (HTTP 401).")
    refused = enter()
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "key"
    stand_in.health = ProviderDown("OpenAI cannot be reached.")
    assert enter().status_code == 409
    assert enter(provider="acme").json()["errors"][0]["field"] == "provider"
    assert SECRET not in refused.content.decode() + enter().content.decode()
    assert not UserProvider.objects.exists()

    assert enter(even_untested=True).json()["status"] == KeyStatus.UNTESTED


def test_keys_of_others_are_not_found_even_by_admins(admin: Caller) -> None:
    own = make_own_key()
    path = f"{API}provider-keys/{own.pk}/"

    for caller in (Caller(make_user()), admin):
        assert results(caller.get(f"{API}provider-keys/")) == []
        assert caller.get(path).status_code == 404
        assert caller.post(f"{path}test/").status_code == 404


def test_a_key_that_an_admin_stopped_is_told_with_the_reason_and_not_switched_on() -> None:
    own = make_own_key()
    caller, path = Caller(own.user), f"{API}provider-keys/{own.pk}/"
    before = caller.get(path)
    others_keys.stop(own.pk, reason="It was published.", by=make_user("admin"))

    told = caller.get(path)
    refused = caller.patch(path, {"is_active": True})

    assert before["ETag"] != told["ETag"]
    assert (told.json()["stopped_reason"], told.json()["is_active"]) == ("It was published.", False)
    assert told.json()["stopped_at"] is not None
    assert refused.status_code == 409
    assert "It was published." in refused.json()["detail"]


def test_no_api_key_reaches_keys_or_quotas() -> None:
    key = make_key(make_user("admin"), scopes=["read:usage", "read:providers"])
    for path in ("provider-keys/", "quotas/"):
        assert ask(key.secret, f"{API}{path}").status_code == 403
    for path in ("providers/", "usage/", "usage-by-day/", "spending/"):
        assert ask(key.secret, f"{API}{path}").status_code == 200


# --- Usage ----------------------------------------------------------------------------------------


def test_each_sees_their_own_usage_and_an_admin_all(admin: Caller) -> None:
    me, other = make_user("api_user"), make_user()
    spend(me, "0.5")
    spend(other, "0.25")

    for path, field in (("usage/", "cost"), ("usage-by-day/", "total_cost")):
        own = results(Caller(me).get(f"{API}{path}"))
        assert [(row["user"], Decimal(row[field])) for row in own] == [(str(me.pk), Decimal("0.5"))]
        assert results(Caller(me).get(f"{API}{path}", user=str(other.pk))) == []
        assert len(results(admin.get(f"{API}{path}"))) == 2
        found = results(admin.get(f"{API}{path}", user=str(other.pk), provider="openai"))
        assert [row["provider"] for row in found] == ["openai"]
        assert results(admin.get(f"{API}{path}", provider="google")) == []


def test_what_is_left_is_told_for_the_day_and_the_month() -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=Decimal(2), monthly_request_limit=9)
    spend(user, "0.5")

    day, month = Caller(user).get(f"{API}spending/").json()

    assert (day["period"], Decimal(day["left"]), day["requests"]) == ("day", Decimal("1.5"), 1)
    assert (month["period"], Decimal(month["cost_limit"])) == ("month", Decimal(50))
    assert month["request_limit"] == 9


def test_lists_make_the_same_number_of_queries_for_any_page(admin: Caller) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            results(admin.get(f"{API}{path}"))
        return len(caught)

    paths = ("providers/", "usage/", "usage-by-day/", "quotas/")
    spend(make_user(), 1)
    make_quota()
    before = [queries(path) for path in paths]
    for _ in range(3):
        spend(make_user(), 1)
        make_quota()
    assert [queries(path) for path in paths] == before


# --- Quotas ---------------------------------------------------------------------------------------


def test_an_admin_gives_limits_and_changes_them(admin: Caller) -> None:
    user = make_user()
    made = admin.post(f"{API}quotas/", {"user": str(user.pk), "daily_cost_limit": "1.50"})
    assert made.status_code == 201, made.content
    path = f"{API}quotas/{made.json()['id']}/"

    changed = admin.patch(path, {"monthly_request_limit": 10, "daily_cost_limit": None})

    assert changed.status_code == 200, changed.content
    quota = UserQuota.objects.get()
    assert (quota.daily_cost_limit, quota.monthly_request_limit) == (None, 10)
    assert admin.patch(path, {"daily_cost_limit": "-1"}).status_code == 400
    unknown = {"user": "00000000-0000-7000-8000-000000000000"}
    assert admin.post(f"{API}quotas/", unknown).status_code == 400


def test_nobody_else_sees_or_gives_limits() -> None:
    quota = make_quota()
    for role in ("moderator", "analyst", "viewer", "api_user"):
        caller = Caller(make_user(role))
        assert caller.get(f"{API}quotas/").status_code == 403
        assert caller.post(f"{API}quotas/", {"user": str(quota.user_id)}).status_code == 403


def test_the_schema_of_a_key_has_no_field_that_is_read() -> None:
    shown = ProviderKeySerializer().fields
    assert "api_key" not in shown
    assert "key" not in shown
    assert json.dumps(sorted(shown)).count("secret") == 0
