"""Money: set aside, sent, settled; no limit is passed however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts.models import User
from database.actor import acting_as
from providers import prompts
from providers.actions import money
from providers.adapters.adapter import MOST_TOKENS
from providers.interface import Picture, Usage
from providers.models import (
    CostAlert,
    Provider,
    ProviderPrice,
    QuotaCounter,
    UsageEntry,
    UsageHold,
    UsageTracking,
)
from tests.factories import make_price, make_provider, make_quota, make_user

D = Decimal


@pytest.fixture
def provider(db: None) -> Provider:
    return make_provider("openai")


@pytest.fixture
def price(provider: Provider) -> ProviderPrice:
    return make_price(provider)


def hold(user: User, price: ProviderPrice, amount: object = "1", **more: Any) -> money.Hold:
    return money.reserve(
        user_id=user.pk,
        provider=price.provider,
        model=price.model,
        purpose="test",
        amount=D(str(amount)),
        price=price,
        seconds=more.pop("seconds", 60),
    )


def held(user: User, price: ProviderPrice, amount: object = "1", **more: Any) -> UUID:
    found = hold(user, price, amount, **more).id
    assert found is not None
    return found


def counter(user: User, period: str) -> QuotaCounter:
    return QuotaCounter.objects.get(user=user, period=period)


def figures(user: User) -> dict[str, tuple[Decimal, Decimal, int]]:
    """What is spent, held and counted in the day and the month."""
    return {
        one.period: (one.spent, one.held, one.requests)
        for one in QuotaCounter.objects.filter(user=user)
    }


def both(spent: object, held: object, requests: int) -> dict[str, tuple[Decimal, Decimal, int]]:
    return dict.fromkeys(("day", "month"), (D(str(spent)), D(str(held)), requests))


def together(count: int, act: Callable[[int], object]) -> None:
    """So many threads, each with a connection of its own, at the same moment."""
    start, errors = threading.Barrier(count), list[Exception]()

    def run(number: int) -> None:
        try:
            start.wait(30)
            act(number)
        except Exception as error:  # told below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert errors == []


# --- One call -------------------------------------------------------------------------------------


def test_a_call_is_reserved_sent_and_settled_with_what_it_cost(price: ProviderPrice) -> None:
    user = make_user()
    reserved = held(user, price, "2")
    assert figures(user) == both(0, 2, 1)

    assert money.send(reserved)
    assert money.settle(reserved, D("0.5"), Usage(1000, 200, 300), request_id="r-1", duration_ms=7)

    assert figures(user) == both("0.5", 0, 1)
    entry = UsageEntry.objects.get()
    assert (entry.user, entry.price, entry.cost) == (user, price, D("0.5"))
    assert (entry.input_tokens, entry.output_tokens, entry.cached_input_tokens) == (1000, 200, 300)
    assert (entry.outcome, entry.request_id, entry.duration_ms) == ("answered", "r-1", 7)
    day = UsageTracking.objects.get()
    assert (day.request_count, day.failure_count, day.total_cost) == (1, 0, D("0.5"))


def test_settling_twice_counts_once(price: ProviderPrice) -> None:
    user = make_user()
    reserved = held(user, price)

    assert [money.settle(reserved, D("0.25")) for _ in range(2)] == [True, False]

    assert figures(user) == both("0.25", 0, 1)
    assert UsageEntry.objects.count() == 1


def test_what_was_not_billed_gives_back_money_and_the_count(price: ProviderPrice) -> None:
    user = make_user()
    reserved = held(user, price)
    money.send(reserved)

    assert money.settle(reserved, None, outcome="key_refused")

    assert figures(user) == both(0, 0, 0)
    assert not UsageEntry.objects.exists()


def test_a_hold_is_sent_once_and_in_time_alone(price: ProviderPrice) -> None:
    user = make_user()
    reserved = held(user, price)
    assert [money.send(reserved) for _ in range(2)] == [True, False]

    settled = held(user, price)
    money.settle(settled, None)
    assert not money.send(settled)


def test_a_limit_of_nothing_lets_nothing_pass_but_what_is_free(price: ProviderPrice) -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(0))

    assert hold(user, price, "0.000001").refused == "day"
    assert hold(user, price, 0).id is not None


def test_refused_by_the_month_the_day_gets_its_money_back(price: ProviderPrice) -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(10), monthly_cost_limit=D(3))
    held(user, price, 2)

    assert hold(user, price, 2) == money.Hold(id=None, refused="month")

    assert figures(user) == both(0, 2, 1)
    assert UsageHold.objects.count() == 1


def test_requests_are_limited_too(price: ProviderPrice) -> None:
    user = make_user()
    make_quota(user=user, daily_request_limit=2, monthly_request_limit=3)

    assert [hold(user, price, 0).refused for _ in range(3)] == [None, None, "day"]


def test_without_a_quota_the_settings_hold(price: ProviderPrice) -> None:
    assert money.default_limit("day") == D(5)
    assert money.default_limit("month") == D(50)

    assert hold(make_user(), price, "5.01").refused == "day"


@pytest.mark.parametrize("amount", ["-1", "NaN"])
def test_no_amount_is_taken_that_is_none(price: ProviderPrice, amount: str) -> None:
    with pytest.raises(DatabaseError, match="needs an amount of 0 or more"):
        hold(make_user(), price, amount)


# --- Prices ---------------------------------------------------------------------------------------


def test_cached_tokens_cost_what_their_price_says(provider: Provider) -> None:
    usage = Usage(input_tokens=1_000_000, cached_input_tokens=400_000, output_tokens=100_000)
    with_own = ProviderPrice(
        input_per_million=D(2), cached_input_per_million=D("0.5"), output_per_million=D(10)
    )
    without = ProviderPrice(input_per_million=D(2), output_per_million=D(10), per_image=D("0.1"))

    assert money.cost_of(with_own, usage) == D("2.4")
    assert money.cost_of(without, usage) == D("3.1")


def test_a_price_holds_from_its_day_on(provider: Provider) -> None:
    old = make_price(provider, valid_from="2026-01-01")
    new = make_price(provider, valid_from="2026-06-01")

    def of(year: int, month: int, day: int) -> ProviderPrice | None:
        return money.price_of(provider, provider.default_model, date(year, month, day))

    assert of(2025, 12, 31) is None
    assert of(2026, 5, 31) == old
    assert of(2026, 6, 1) == new
    assert money.price_of(provider, "another") is None


# --- Whoever dies ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_what_was_never_sent_is_freed_and_what_was_sent_counts(
    owner: psycopg.Connection[tuple[Any, ...]],
) -> None:
    user, price = make_user(), make_price(make_provider())
    unsent, sent, live = held(user, price, 1), held(user, price, "0.5"), held(user, price, 2)
    money.send(sent)
    owner.execute(
        "UPDATE usage_holds SET expires_at = now() - interval '1 s' WHERE id <> %s", [live]
    )

    assert money.expire() == 2
    assert money.expire() == 0

    assert figures(user) == both("0.5", 2, 2)
    entry = UsageEntry.objects.get()
    assert (entry.cost, entry.is_assumed, entry.outcome) == (D("0.5"), True, "unknown")
    assert not money.send(unsent)
    assert not money.settle(sent, D("0.1"))


@pytest.mark.django_db(transaction=True)
def test_holds_of_a_month_ago_go(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    user, price = make_user(), make_price(make_provider())
    old, new = held(user, price), held(user, price)
    money.settle(old, None)
    money.settle(new, None)
    owner.execute(
        "UPDATE usage_holds SET settled_at = now() - interval '31 days' WHERE id = %s", [old]
    )

    assert money.expire() == 0

    assert [one.pk for one in UsageHold.objects.all()] == [new]


# --- Many at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_hundred_calls_at_once_overspend_nothing() -> None:
    """Twenty-five connections with eight calls each; room for six and a bit."""
    user, price = make_user(), make_price(make_provider())
    make_quota(user=user, daily_cost_limit=D(10), monthly_cost_limit=D(100))
    granted: list[UUID] = []

    def spend(_: int) -> None:
        for _ in range(8):
            found = hold(user, price, "1.5")
            if found.id is not None:
                granted.append(found.id)

    together(25, spend)

    assert len(granted) == 6
    assert figures(user) == both(0, 9, 6)


@pytest.mark.django_db(transaction=True)
def test_reserved_settled_and_aborted_at_once_the_ledger_is_the_bill() -> None:
    user, price = make_user(), make_price(make_provider())
    make_quota(user=user, daily_cost_limit=D(1000), monthly_cost_limit=D(6))
    bill: list[Decimal] = []

    def spend(_: int) -> None:
        for turn in range(10):
            reserved = hold(user, price, "0.3").id
            if reserved is None or not money.send(reserved):
                continue
            cost = None if turn % 3 == 0 else D("0.1") * (turn % 3)
            assert money.settle(reserved, cost)
            bill.extend([] if cost is None else [cost])

    together(20, spend)

    spent = counter(user, "month").spent
    assert spent == sum(bill) <= D(6)
    assert sum(entry.cost for entry in UsageEntry.objects.all()) == spent
    assert UsageTracking.objects.get().total_cost == spent
    assert counter(user, "day").spent == spent
    assert counter(user, "day").held == counter(user, "month").held == 0


@pytest.mark.django_db(transaction=True)
def test_one_hold_settled_by_many_counts_once() -> None:
    user, price = make_user(), make_price(make_provider())
    reserved = held(user, price)
    ended: list[bool] = []

    together(12, lambda _: ended.append(money.settle(reserved, D("0.5"))))

    assert sorted(ended) == [False] * 11 + [True]
    assert figures(user) == both("0.5", 0, 1)


# --- Alerts ---------------------------------------------------------------------------------------


def test_each_threshold_is_told_once_in_a_period(price: ProviderPrice) -> None:
    user = make_user()
    make_quota(user=user, daily_cost_limit=D(10), monthly_cost_limit=D(10_000))

    def spend(amount: object) -> list[int]:
        money.settle(held(user, price, amount), D(str(amount)))
        found = CostAlert.objects.filter(user=user, period="day")
        return sorted(found.values_list("threshold_percent", flat=True))

    assert spend("4.9") == []
    assert spend("0.1") == [50]
    assert spend("1") == [50]
    assert spend("4") == [50, 80, 100]
    assert spend("0") == [50, 80, 100]
    alert = CostAlert.objects.get(threshold_percent=50)
    assert (alert.limit_amount, alert.spent_amount, alert.mailed_at) == (D(10), D(5), None)
    assert alert.forecast_amount is not None
    assert alert.forecast_amount >= alert.spent_amount
    assert not CostAlert.objects.filter(period="month").exists()


# --- Intruders ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_nobody_spends_in_the_name_of_somebody_else() -> None:
    me, other, price = make_user(), make_user(), make_price(make_provider())
    theirs = held(other, price)

    attempts: list[Callable[[], object]] = [
        lambda: hold(other, price),
        lambda: money.send(theirs),
        lambda: money.settle(theirs, D(0)),
    ]
    with acting_as(me.pk):
        for attempt in attempts:
            with pytest.raises(DatabaseError, match="in the name of somebody else"):
                attempt()
    with acting_as(other.pk):
        assert money.send(theirs)
        assert money.settle(theirs, D("0.5"))
        assert hold(other, price).id is not None


def test_each_sees_their_own_usage_alone(price: ProviderPrice) -> None:
    me, other = make_user(), make_user()
    for user in (me, other):
        money.settle(held(user, price, 4), D(4))

    for model in (UsageEntry, UsageTracking, UsageHold, CostAlert):
        with acting_as(me.pk):
            assert {one.user_id for one in model.objects.all()} == {me.pk}, model
    with acting_as(make_user("admin").pk):
        assert UsageEntry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_ledger SET cost = 0",
        "DELETE FROM usage_ledger",
        "TRUNCATE usage_ledger",
        "TRUNCATE users CASCADE",
    ],
)
@pytest.mark.parametrize(
    "role",
    ["lacuna_app", "lacuna_admin", "lacuna_system", "lacuna_owner", "lacuna_readonly", ""],
)
def test_the_ledger_is_changed_by_nobody(
    administrator: psycopg.Connection[tuple[Any, ...]], role: str, statement: str
) -> None:
    user, price = make_user(), make_price(make_provider())
    money.settle(held(user, price), D(1))
    if role:
        administrator.execute(f"SET ROLE {role}")

    with pytest.raises(
        psycopg.Error, match="permission denied|must be owner|ledger of usage is not changed"
    ):
        administrator.execute(statement)

    assert UsageEntry.objects.get().cost == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO usage_ledger (user_id, provider_id, model, purpose, cost)"
        " SELECT u.id, p.id, 'm', 'x', 0 FROM users u, providers p",
        "UPDATE quota_counters SET spent = 0",
        "UPDATE usage_holds SET settled_at = now()",
        "UPDATE usage_tracking SET total_cost = 0",
        "INSERT INTO cost_alerts SELECT * FROM cost_alerts",
        "SELECT take_from_quota(app_user_id(), 'day', current_date, -5, NULL, NULL)",
    ],
)
def test_money_moves_by_its_functions_alone(statement: str, price: ProviderPrice) -> None:
    user = make_user()
    held(user, price)

    with (
        acting_as(user.pk),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        connection.cursor().execute(statement)


def test_no_more_tokens_come_from_a_cache_than_there_were(provider: Provider) -> None:
    """Whatever a provider says: else what was not read from it would cost less than nothing."""
    price = make_price(provider, input_per_million=D(2), cached_input_per_million=D("0.5"))

    assert money.cost_of(price, Usage(input_tokens=1_000_000, cached_input_tokens=9_000_000)) == D(
        "0.5"
    )


def test_the_bound_of_a_call_holds_where_reading_from_a_cache_is_dearer(
    provider: Provider,
) -> None:
    dear = make_price(provider, input_per_million=D(1), cached_input_per_million=D(5))
    picture = Picture(b"", "image/jpeg", 2048, 2048)
    prompt, schema = prompts.birds(), prompts.boxes()

    most = money.most_it_costs(dear, provider.name, picture, prompt, schema)

    tokens = money.picture_tokens(provider.name, dear.model, picture)
    read = Usage(input_tokens=tokens, cached_input_tokens=tokens, output_tokens=MOST_TOKENS)
    assert most >= money.cost_of(dear, read)
