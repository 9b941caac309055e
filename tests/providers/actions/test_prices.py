"""Prices: taken in where they differ, never changed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from providers.actions import money, prices
from providers.actions.prices import Listed
from providers.errors import NotAllowed, NotPossible, WrongPrices
from providers.models import Provider, ProviderPrice
from tests.factories import make_price, make_provider, make_user

pytestmark = pytest.mark.django_db

D = Decimal
ONE = Listed("openai", "gpt-x", D("1.25"), D(10), D("0.125"))


def written(folder: Path, content: object) -> Path:
    path = folder / "prices.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def latest(model: str = "gpt-x") -> ProviderPrice:
    return ProviderPrice.objects.filter(model=model).order_by("-valid_from")[0]


def test_a_new_price_holds_from_today_and_repeating_adds_nothing() -> None:
    first = prices.take_in([ONE, ONE], source="list")
    again = prices.take_in([ONE], source="list")

    assert (first.added, first.unchanged) == (["openai/gpt-x"], 1)
    assert (again.added, again.changed, again.unchanged) == ([], [], 1)
    price = latest()
    assert (price.valid_from, price.source) == (money.today(), "list")
    assert price.cached_input_per_million == D("0.125")


def test_what_differs_begins_a_new_price_and_leaves_the_old() -> None:
    openai = make_provider("openai")
    make_price(openai, model="gpt-x", valid_from="2020-01-01")

    outcome = prices.take_in([ONE], source="list")
    assert outcome.changed == ["openai/gpt-x"]
    assert latest().valid_from == money.today()
    assert money.price_of(openai, "gpt-x", date(2024, 1, 1)) != latest()

    # On the same day once more: today's stays as it is for who has paid by it.
    prices.take_in([Listed("openai", "gpt-x", D(3), D(10))], source="list")
    assert latest().valid_from == money.today() + timedelta(days=1)
    assert ProviderPrice.objects.filter(model="gpt-x").count() == 3


def test_of_other_providers_nothing_is_taken() -> None:
    outcome = prices.take_in([Listed("acme", "m", D(1), D(1))], source="list")
    assert (outcome.of_others, outcome.added) == (1, [])


def test_the_package_prices_the_default_models() -> None:
    """Of the four, one costs nothing; what the others ask for is known out of the box."""
    listed, source = prices.from_package()
    prices.take_in(listed, source=source)

    assert source.startswith("genai-prices 0.")
    for provider in Provider.objects.all():
        price = money.price_of(provider, provider.default_model)
        assert price is not None, provider
        assert (price.output_per_million > 0) == provider.needs_key


def test_a_file_of_ours_and_one_of_litellm_are_read(tmp_path: Path) -> None:
    ours = written(
        tmp_path,
        '[{"provider": "openai", "model": "a", "input_per_million": 0.1,'
        ' "output_per_million": "2", "per_image": 0.001}]',
    )
    assert prices.from_file(ours) == (
        [Listed("openai", "a", D("0.1"), D(2), per_image=D("0.001"))],
        "prices.json",
    )
    litellm = written(
        tmp_path,
        '{"sample_spec": {}, "gemini/g-1": {"litellm_provider": "gemini",'
        ' "input_cost_per_token": 3e-07, "output_cost_per_token": 0.0000025,'
        ' "cache_read_input_token_cost": 3e-8}, "half": {"input_cost_per_token": 1}}',
    )
    assert prices.from_file(litellm)[0] == [Listed("google", "g-1", D("0.3"), D("2.5"), D("0.03"))]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is no JSON"),
        ("7", "neither a list of prices nor an object"),
        ("[7]", "entry 1: it is no object"),
        ([{"provider": "openai"}], "entry 1: provider and model must be texts"),
        ([{"provider": "o", "model": "m"}], "entry 1: input_per_million is missing"),
        (
            [{"provider": "o", "model": "m", "input_per_million": -1, "output_per_million": 1}],
            "input_per_million must be an amount in US dollars from 0 on",
        ),
        (
            '[{"provider": "o", "model": "m", "input_per_million": NaN, "output_per_million": 1}]',
            "input_per_million must be an amount",
        ),
        ([{"provider": "o", "model": "m" * 121}], "longer than 120 characters"),
    ],
)
def test_what_is_no_list_of_prices_is_refused_by_name(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    with pytest.raises(WrongPrices, match=complaint):
        prices.from_file(written(tmp_path, content))


def test_the_command_says_what_it_would_do_and_does_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        [{"provider": "openai", "model": "gpt-x", "input_per_million": 1, "output_per_million": 2}],
    )

    def run(*more: str) -> Any:
        out = StringIO()
        call_command("import_prices", "--file", str(path), "--json", *more, stdout=out)
        return json.loads(out.getvalue())

    assert run("--dry-run")["added"] == ["openai/gpt-x"]
    assert not ProviderPrice.objects.filter(model="gpt-x").exists()
    assert run()["added"] == ["openai/gpt-x"]
    assert run()["unchanged"] == 1
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_prices", "--file", str(tmp_path / "none.json"))


def test_an_admin_adds_a_price_by_hand_once_for_a_day() -> None:
    provider, admin = make_provider("openai"), make_user("admin")

    def price() -> ProviderPrice:
        return ProviderPrice(
            provider=provider,
            model="gpt-x",
            valid_from=money.today(),
            input_per_million=D(1),
            output_per_million=D(1),
        )

    assert prices.add(price(), by=admin).source == "entered by hand"
    with pytest.raises(NotPossible, match="Choose another day"):
        prices.add(price(), by=admin)
    with pytest.raises(NotAllowed):
        prices.add(price(), by=make_user())


def test_no_price_is_changed_even_by_plain_sql() -> None:
    price = make_price(make_provider("openai"))

    with pytest.raises(DatabaseError, match="A price is not changed"), transaction.atomic():
        ProviderPrice.objects.filter(pk=price.pk).update(output_per_million=D(0))
