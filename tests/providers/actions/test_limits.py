"""Quotas, alerts by mail, and what admins change of providers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from accounts.models import User
from providers.actions import alerts, changing, money, quotas
from providers.errors import NotAllowed, NotPossible
from providers.models import CostAlert, UserQuota
from tests.factories import make_price, make_provider, make_quota, make_user

pytestmark = pytest.mark.django_db

D = Decimal


def spend(user: User, amount: object) -> None:
    provider = make_provider("openai")
    price = provider.prices.first() or make_price(provider)
    hold = money.reserve(
        user_id=user.pk,
        provider=provider,
        model=price.model,
        purpose="test",
        amount=D(str(amount)),
        price=price,
        seconds=60,
    )
    assert hold.id is not None
    money.settle(hold.id, D(str(amount)))


# --- Alerts ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_alert_is_mailed_once_with_what_it_will_come_to() -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(10), monthly_cost_limit=D(1000))
    spend(user, "5.5")

    assert [alerts.mail_new() for _ in range(2)] == [1, 0]

    [letter] = mail.outbox
    assert letter.to == [user.email]
    assert letter.subject == "50 % of your daily limit at AI providers is spent"
    assert "Of your daily limit at AI providers, 10.00 $, you have spent 5.50 $" in letter.body
    assert "If it goes on like this, it will be about" in letter.body
    assert CostAlert.objects.get().mailed_at is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM audits.audit_log WHERE action = 'cost_alert.sent'")
        assert user.email not in cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_where_several_thresholds_are_passed_one_letter_tells_of_the_highest() -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(10), monthly_cost_limit=D(10))
    spend(user, 10)

    assert alerts.mail_new() == 2

    assert [letter.subject[:3] for letter in mail.outbox] == ["100", "100"]
    assert all("nothing that costs money is asked for you" in one.body for one in mail.outbox)
    assert not CostAlert.objects.filter(mailed_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_who_is_deactivated_gets_no_letter() -> None:
    user = make_user()
    spend(user, 5)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert alerts.mail_new() == 0
    assert mail.outbox == []


# --- Quotas ---------------------------------------------------------------------------------------


def test_an_admin_sets_limits_and_the_rest_stay() -> None:
    user, admin = make_user(), make_user("admin")

    quotas.change(user, by=admin, daily_cost_limit=D(2))
    quota = quotas.change(user, by=admin, monthly_request_limit=100)

    assert (quota.daily_cost_limit, quota.monthly_request_limit) == (D(2), 100)
    assert quota.monthly_cost_limit is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits.audit_log WHERE action = 'user_quota.changed'")
        assert cursor.fetchone() == (2,)


def test_nobody_else_changes_what_anybody_may_spend() -> None:
    user = make_user()
    for by in (user, make_user("moderator")):
        with pytest.raises(NotAllowed):
            quotas.change(user, by=by, daily_cost_limit=D(100))
    assert not UserQuota.objects.exists()


@pytest.mark.parametrize("limit", [D(-1), D("NaN"), D(10**9)])
def test_what_is_no_limit_is_refused(limit: Decimal) -> None:
    with pytest.raises(NotPossible) as caught:
        quotas.change(make_user(), by=make_user("admin"), daily_cost_limit=limit)
    assert list(caught.value.fields) == ["daily_cost_limit"]


# --- Providers ------------------------------------------------------------------------------------


def test_an_admin_changes_a_provider_and_the_log_says_what() -> None:
    provider = changing.change("openai", by=make_user("admin"), is_enabled=True, rank=5)

    assert (provider.is_enabled, provider.rank) == (True, 5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payload::jsonb -> 'changes' ->> 'after' FROM audits.audit_log"
            " WHERE action = 'provider.changed'"
        )
        assert json.loads(cursor.fetchone()[0]) == {"is_enabled": True, "rank": 5}


def test_nobody_else_does() -> None:
    with pytest.raises(NotAllowed):
        changing.change("openai", by=make_user("moderator"), is_enabled=True)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"base_url": "http://203.0.113.7/v1"}, "which is not public|use https"),
        ({"base_url": "https://127.0.0.1/v1"}, "which is not public"),
        ({"base_url": "https://169.254.169.254/latest"}, "which is not public"),
        ({"base_url": "https://key@8.8.8.8/"}, "name or password"),
        ({"timeout_seconds": 0}, "greater than or equal to 1"),
        ({"default_model": ""}, "cannot be blank"),
    ],
)
def test_what_cannot_be_set_is_told(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(NotPossible, match=complaint):
        changing.change("openai", by=make_user("admin"), **changes)


def test_a_network_that_is_allowed_by_name_may_be_asked(settings: Any) -> None:
    settings.PROVIDER_NETWORKS = ["10.1.0.0/16"]

    changed = changing.change("openai", by=make_user("admin"), base_url="https://10.1.2.3/v1/")

    assert changed.base_url == "https://10.1.2.3/v1"
