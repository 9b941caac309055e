"""The pages: who sees and does what, in constant queries, and never a key."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from database.encryption import providers as key_providers
from providers.actions import money, others_keys
from providers.interface import KeyRefused, ProviderDown
from providers.models import (
    KeyStatus,
    Provider,
    ProviderHealth,
    ProviderPrice,
    UsageEntry,
    UserProvider,
)
from tests.factories import make_own_key, make_price, make_provider, make_quota, make_user
from tests.providers.fake import Fake
from tests.providers.standing_in import revealed

pytestmark = pytest.mark.django_db

StandIn = Callable[..., Fake]
SECRET = "sk-live-Zq7xWv0123456789"
OWN = "sk-own-secret-WxYz"  # its end is nothing that the key of a row could hold by chance
LISTS = (
    "provider",
    "userprovider",
    "usagetracking",
    "usageentry",
    "costalert",
    "userquota",
    "providerprice",
)


def client(role: str = "admin", user: User | None = None) -> Client:
    made = Client()
    made.force_login(user or make_user(role))
    return made


def url(name: str, *arguments: object) -> str:
    return reverse(f"admin:{name}", args=arguments)


def page(browser: Client, path: str, **query: str) -> str:
    answer = browser.get(path, query)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def spend(user: User, cost: object, name: str = "openai") -> None:
    provider = make_provider(name)
    price = provider.prices.first() or make_price(provider)
    hold = money.reserve(
        user_id=user.pk,
        provider=provider,
        model=price.model,
        purpose="annotation of a gull",
        amount=Decimal(str(cost)),
        price=price,
        seconds=60,
    )
    assert hold.id is not None
    money.settle(hold.id, Decimal(str(cost)))


# --- Lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_each_list_makes_the_same_number_of_queries_for_any_page(name: str) -> None:
    browser, path = client(), url(f"providers_{name}_changelist")

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            page(browser, path)
        return len(caught)

    def more() -> None:
        user = make_user()
        make_quota(user=user)
        make_own_key(user=user)
        spend(user, 3)
        spend(user, 1, "google")

    more()
    queries()
    before = queries()
    for _ in range(3):
        more()
    assert queries() <= before


def test_staff_see_how_providers_stand_and_only_admins_may_change_them() -> None:
    provider = make_provider("openai", key=SECRET, base_url="https://inside.example.org/v1")
    ProviderHealth.objects.create(provider=provider, status="down", error_message="No route.")
    path = url("providers_provider_change", provider.pk)

    for role in ("moderator", "analyst", "viewer"):
        browser = client(role)
        listed = page(browser, url("providers_provider_changelist"))
        assert "OpenAI" in listed
        shown = page(browser, path)
        assert "No route." in shown
        assert "inside.example.org" not in shown
        assert browser.post(path, {"rank": "1"}).status_code == 403
        assert browser.get(url("providers_provider_key", provider.pk)).status_code == 403
        assert browser.get(url("providers_userquota_changelist")).status_code == 403
    assert "inside.example.org" in page(client(), path)


def form(provider: Provider, **changes: object) -> dict[str, object]:
    values = {
        "display_name": provider.display_name,
        "is_enabled": "on",
        "default_model": provider.default_model,
        "base_url": "",
        "timeout_seconds": 60,
        "rank": provider.rank,
    }
    return values | changes


def test_an_admin_changes_a_provider_and_is_told_what_cannot_be() -> None:
    provider = Provider.objects.get(name="openai")
    browser, path = client(), url("providers_provider_change", provider.pk)

    assert browser.post(path, form(provider, rank=3)).status_code == 302
    provider.refresh_from_db()
    assert (provider.is_enabled, provider.rank) == (True, 3)
    refused = browser.post(path, form(provider, base_url="https://127.0.0.1/v1"))
    assert "which is not public" in refused.content.decode()
    provider.refresh_from_db()
    assert provider.base_url == ""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT action FROM audits.audit_log WHERE action LIKE 'provider.%'")
        assert cursor.fetchall() == [("provider.changed",)]


# --- The team's key -------------------------------------------------------------------------------


def test_the_teams_key_is_entered_and_removed_on_pages_that_never_show_it(fake: StandIn) -> None:
    stand_in, browser = fake("openai"), client()
    provider = make_provider("openai")
    enter = url("providers_provider_key", provider.pk)

    stand_in.health = KeyRefused("OpenAI refuses the key (HTTP 401).")
    refused = browser.post(enter, {"key": SECRET})
    assert "OpenAI refuses the key" in refused.content.decode()
    stand_in.health = ProviderDown("OpenAI cannot be reached.")
    untested = browser.post(enter, {"key": SECRET})
    assert "or store it untested" in untested.content.decode()
    assert browser.post(enter, {"key": SECRET, "even_untested": "on"}).status_code == 302

    pages = [
        refused.content.decode(),
        untested.content.decode(),
        page(browser, enter),
        page(browser, url("providers_provider_changelist")),
        page(browser, url("providers_provider_change", provider.pk)),
        page(browser, url("index")),
    ]
    assert [one for one in pages if SECRET in one] == []
    assert "…6789" in pages[3]
    provider.refresh_from_db()
    assert revealed(provider) == SECRET

    remove = url("providers_provider_remove_key", provider.pk)
    assert "withdraw it at the provider" in page(browser, remove)
    assert browser.post(remove).status_code == 302
    provider.refresh_from_db()
    assert provider.api_key is None


def test_an_admin_checks_a_provider_at_once(fake: StandIn) -> None:
    fake("openai")
    provider, browser = make_provider("openai", key=SECRET), client()

    browser.post(url("providers_provider_check", provider.pk))

    assert ProviderHealth.objects.get().status == "healthy"
    assert browser.get(url("providers_provider_check", provider.pk)).status_code == 405


# --- One's own ------------------------------------------------------------------------------------


def test_a_person_enters_tests_switches_and_removes_their_own_key(fake: StandIn) -> None:
    fake("openai")
    user = make_user("viewer")
    browser, here = client(user=user), url("provider_keys")

    assert browser.post(url("provider_keys_enter", "openai"), {"key": SECRET}).status_code == 302
    row = UserProvider.objects.get()
    shown = page(browser, here)
    assert "…6789" in shown
    assert SECRET not in shown + page(browser, url("provider_keys_enter", "openai"))
    assert browser.post(url("provider_keys_test", row.pk)).status_code == 302
    for _ in range(2):  # pressed twice, it stays off
        assert browser.post(url("provider_keys_switch_off", row.pk)).status_code == 302
        assert "Switched off" in page(browser, here)
    assert browser.post(url("provider_keys_switch_on", row.pk)).status_code == 302
    assert "Switched off" not in page(browser, here)
    assert "Your jobs use the team" in page(browser, url("provider_keys_remove", row.pk))
    assert browser.post(url("provider_keys_remove", row.pk)).status_code == 302
    assert not UserProvider.objects.exists()


def test_a_key_that_lost_its_master_key_is_to_be_entered_again(
    settings: Any, tmp_path: Any
) -> None:
    own = make_own_key()
    settings.SECRETS_KEYRING = tmp_path / "another" / "keyring.json"
    key_providers.local(settings.SECRETS_KEYRING).create()

    assert "To be entered again" in page(client(user=own.user), url("provider_keys"))


def test_keys_of_others_are_not_found_even_by_admins() -> None:
    own = make_own_key()
    for role in ("admin", "analyst"):
        browser = client(role)
        assert "…6789" not in page(browser, url("provider_keys"))
        for name in ("remove", "switch_on", "switch_off", "test"):
            path = url(f"provider_keys_{name}", own.pk)
            assert browser.post(path).status_code == 404, path
    assert browser.get(url("provider_keys_enter", "local")).status_code == 404


def test_an_admin_looks_after_keys_of_others_and_sees_no_part_of_one() -> None:
    owner, admin = make_user("analyst", full_name="Olive"), make_user("admin", full_name="Ada")
    own = make_own_key(OWN, user=owner, status=KeyStatus.REFUSED, error_message="HTTP 401.")
    make_own_key("sk-of-ada-98765", user=admin, provider=make_provider("google"))
    browser, listed = client(user=admin), url("providers_userprovider_changelist")

    before = page(browser, listed)
    assert "Olive" in before
    assert "Refused by the provider" in before
    assert "Not usable" in before
    assert "HTTP 401." in before
    assert "Google" not in before.split('id="result_list"')[1]  # one's own is on Your keys
    stop = url("providers_userprovider_stop", own.pk)
    asked = page(browser, stop)
    unsaid = browser.post(stop, {"reason": " "})
    assert unsaid.status_code == 200
    told = browser.post(stop, {"reason": "It is <b>public</b>."}, follow=True).content.decode()
    assert "is switched off; they are told" in told
    assert "Switched off by an admin" in told
    assert "It is &lt;b&gt;public&lt;/b&gt;." in told
    twice = browser.post(stop, {"reason": "Again."}, follow=True).content.decode()
    assert "stopped this key already" in twice
    start = url("providers_userprovider_start", own.pk)
    offered = page(browser, start)
    assert "uses their own key" in browser.post(start, follow=True).content.decode()
    remove = url("providers_userprovider_remove", own.pk)
    erased = page(browser, remove)
    gone = browser.post(remove, {"reason": "Left."}, follow=True).content.decode()
    assert "Removed by an admin" in gone

    pages = [before, asked, unsaid.content.decode(), told, twice, offered, erased, gone]
    assert [one for one in pages if OWN in one or "WxYz" in one] == []
    own.refresh_from_db()
    assert own.api_key is None


def test_the_owner_reads_who_stopped_a_key_and_why_and_notes_it() -> None:
    owner, admin = make_user("analyst"), make_user("admin", full_name="Ada")
    own = make_own_key(OWN, user=owner)
    browser, here = client(user=owner), url("provider_keys")
    others_keys.stop(own.pk, reason="It is <b>public</b>.", by=admin)

    stopped = page(browser, here)
    refused = browser.post(url("provider_keys_switch_on", own.pk), follow=True).content.decode()
    others_keys.take_away(own.pk, reason="You left the team.", by=admin)
    removed = page(browser, here)

    assert "Switched off by an admin" in stopped
    assert "by Ada" in stopped
    assert "It is &lt;b&gt;public&lt;/b&gt;." in stopped
    assert "Switch on" not in stopped
    assert "Ask them, or enter another key" in refused
    assert "Removed by an admin" in removed
    assert "You left the team." in removed
    assert "Noted" in removed
    assert "…" not in removed.split('class="people-table"')[1]  # no hint of what is gone
    browser.post(url("provider_keys_remove", own.pk))
    assert "You left the team." not in page(browser, here)


@pytest.mark.parametrize("role", ["moderator", "analyst", "viewer"])
def test_keys_of_others_are_the_admins_to_look_after(role: str) -> None:
    own, browser = make_own_key(), client(role)

    assert browser.get(url("providers_userprovider_changelist")).status_code == 403
    for name in ("stop", "start", "remove"):
        path = url(f"providers_userprovider_{name}", own.pk)
        assert browser.get(path).status_code == 403
        assert browser.post(path, {"reason": "Because."}).status_code == 403
    own.refresh_from_db()
    assert own.is_active


def test_an_admins_own_key_and_one_that_is_gone_are_not_found_among_others() -> None:
    admin = make_user("admin")
    own, browser = make_own_key(user=admin), client(user=admin)

    for key in (own.pk, own.user_id):
        path = url("providers_userprovider_stop", key)
        assert browser.post(path, {"reason": "Because."}).status_code == 404
    for path in (f"/providers/userprovider/{own.pk}/change/", "/providers/userprovider/add/"):
        assert browser.get(path).status_code == 404


def test_who_has_only_the_api_has_no_pages() -> None:
    browser = client("api_user")
    assert browser.get(url("provider_keys")).status_code in {302, 403}


# --- Usage, limits, prices ------------------------------------------------------------------------


def test_each_sees_their_own_calls_and_an_admin_all() -> None:
    me, other = make_user("analyst"), make_user("analyst", full_name="Somebody Else")
    spend(me, "0.75")
    spend(other, 3)

    for name in ("usagetracking", "usageentry", "costalert"):
        path = url(f"providers_{name}_changelist")
        assert "Somebody Else" not in page(client(user=me), path)
        assert "Somebody Else" in page(client(), path)
    days = page(client(user=me), url("providers_usagetracking_changelist"))
    assert 'class="cost-chart"' in days
    assert "0.7500\u00a0$ in the last 30 days" in days
    assert "Left to you today" in days


def test_the_ledger_is_looked_at_and_not_changed() -> None:
    spend(make_user(), 1)
    entry = UsageEntry.objects.get()
    browser = client()

    assert "annotation of a gull" in page(browser, url("providers_usageentry_change", entry.pk))
    assert browser.post(url("providers_usageentry_change", entry.pk), {}).status_code == 403
    assert browser.get(url("providers_usageentry_add")).status_code == 403


def test_an_admin_gives_limits_and_changes_them() -> None:
    browser, user = client(), make_user()
    empty = {"monthly_cost_limit": "", "daily_request_limit": "", "monthly_request_limit": ""}

    added = browser.post(
        url("providers_userquota_add"), empty | {"user": str(user.pk), "daily_cost_limit": "2.5"}
    )
    assert added.status_code == 302, added.content.decode()
    quota = user.quota
    assert quota.daily_cost_limit == Decimal("2.5")
    path = url("providers_userquota_change", quota.pk)
    assert browser.post(path, empty | {"daily_cost_limit": "3"}).status_code == 302
    refused = browser.post(path, empty | {"daily_cost_limit": "-3"})
    assert "A limit is 0 or more" in refused.content.decode()
    quota.refresh_from_db()
    assert quota.daily_cost_limit == Decimal(3)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT action FROM audits.audit_log WHERE action LIKE 'user_quota%'")
        assert set(cursor.fetchall()) == {("user_quota.changed",)}


def test_an_admin_adds_a_price_and_nobody_changes_one() -> None:
    provider, browser = make_provider("openai"), client()
    values = {
        "provider": str(provider.pk),
        "model": "gpt-x",
        "valid_from": "2026-01-01",
        "input_per_million": "1",
        "cached_input_per_million": "",
        "output_per_million": "2",
        "per_image": "0",
    }
    add = url("providers_providerprice_add")

    assert browser.post(add, values).status_code == 302
    again = browser.post(add, values)
    assert again.status_code == 200
    price = ProviderPrice.objects.get(model="gpt-x")
    assert browser.post(url("providers_providerprice_change", price.pk), values).status_code == 403
    assert client("moderator").get(add).status_code == 403
    assert "gpt-x" in page(client("viewer"), url("providers_providerprice_changelist"))


def test_the_status_of_a_key_is_told_in_words() -> None:
    user = make_user("viewer")
    make_own_key(
        user=user, status=KeyStatus.REFUSED, error_message="OpenAI refuses the key (HTTP 401)."
    )

    shown = page(client(user=user), url("provider_keys"))

    assert "Refused by the provider" in shown
    assert "OpenAI refuses the key (HTTP 401)." in shown
