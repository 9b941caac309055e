"""What providers ask for: taken in from lists, and added by hand.

A price is never changed, since the ledger names it; a new one is added from a day on. Lists come
from the package genai-prices, which is asked for what it carries and fetches nothing, or from a
file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from accounts.models import User
from audit.recording import record
from providers.actions.money import today
from providers.errors import NotAllowed, NotPossible, WrongPrices
from providers.models import Provider, ProviderPrice

NOUN: Final = "provider_price"
PACKAGE: Final = "genai-prices"

_MILLION: Final = 1_000_000
_LARGEST: Final = Decimal(10**8)
_LARGEST_FILE: Final = 64 * 1024 * 1024  # bytes
_LONGEST_MODEL: Final = 120
_PLACES: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Listed:
    """A model's price in a list, in US dollars for a million tokens and for an image."""

    provider: str
    model: str
    input_per_million: Decimal
    output_per_million: Decimal
    cached_input_per_million: Decimal | None = None
    per_image: Decimal = Decimal(0)

    def same_as(self, price: ProviderPrice) -> bool:
        """Whether the stored price says the same."""
        return all(getattr(self, name) == getattr(price, name) for name in _AMOUNTS)


_AMOUNTS: Final = (
    "input_per_million",
    "output_per_million",
    "cached_input_per_million",
    "per_image",
)


@dataclass(slots=True)
class Imported:
    """What a list brought: names as ``provider/model``."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    of_others: int = 0


# --- Lists ----------------------------------------------------------------------------------------


def from_package() -> tuple[list[Listed], str]:
    """The prices that the installed package carries, and its name and version."""
    try:
        source = f"{PACKAGE} {version(PACKAGE)}"
        snapshot = import_string("genai_prices.data_snapshot.get_snapshot")()
    except (PackageNotFoundError, ImportError):
        raise WrongPrices(
            f"The package {PACKAGE} is not installed. Install the extra: pip install"
            " 'lacuna[providers]', or name a file with --file."
        ) from None
    now = datetime.now(UTC)
    return list(_of_package(snapshot.providers, now)), source


def _of_package(providers: Iterable[Any], now: datetime) -> Iterator[Listed]:
    for provider in providers:
        for model in provider.models:
            priced = model.get_prices(now)
            amounts = [
                _base(getattr(priced, name, None))
                for name in ("input_mtok", "output_mtok", "cache_read_mtok")
            ]
            if amounts[0] is not None and amounts[1] is not None and len(model.id) < _LONGEST_MODEL:
                yield Listed(provider.id, model.id, amounts[0], amounts[1], amounts[2])


def _base(price: Any) -> Decimal | None:
    """Of a price in tiers the first: the others begin far beyond what we send."""
    price = getattr(price, "base", price)
    return None if price is None else Decimal(price).quantize(_PLACES)


def from_file(path: Path) -> tuple[list[Listed], str]:
    """The prices in a JSON file, and its name; WrongPrices says what is wrong and where.

    Either a list of objects with ``provider``, ``model``, ``input_per_million``,
    ``output_per_million`` and perhaps ``cached_input_per_million`` and ``per_image``; or LiteLLM's
    object of models, with ``litellm_provider`` and ``input_cost_per_token`` and so on.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise WrongPrices(
                f"{path} is larger than {_LARGEST_FILE} bytes: that is no price list."
            )
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise WrongPrices(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise WrongPrices(f"{path} is no JSON: {error}.") from None
    if isinstance(content, list):
        listed = [_ours(one, f"{path}, entry {at}") for at, one in enumerate(content, 1)]
    elif isinstance(content, dict):
        listed = list(_litellm(content, path))
    else:
        raise WrongPrices(f"{path} holds neither a list of prices nor an object of models.")
    return listed, path.name


def _ours(one: object, where: str) -> Listed:
    if not isinstance(one, Mapping):
        raise WrongPrices(f"{where}: it is no object.")
    provider, model = one.get("provider"), one.get("model")
    if not (isinstance(provider, str) and isinstance(model, str) and provider and model):
        raise WrongPrices(f"{where}: provider and model must be texts.")
    if len(model) > _LONGEST_MODEL:
        raise WrongPrices(f"{where}: the model's name is longer than {_LONGEST_MODEL} characters.")
    amounts = {name: _amount(one.get(name), name, where) for name in _AMOUNTS}
    for name in ("input_per_million", "output_per_million"):
        if amounts[name] is None:
            raise WrongPrices(f"{where}: {name} is missing.")
    known = {name: amount for name, amount in amounts.items() if amount is not None}
    return Listed(provider, model, **known)


def _litellm(content: Mapping[str, Any], path: Path) -> Iterator[Listed]:
    for name, one in content.items():
        if not isinstance(one, Mapping) or "input_cost_per_token" not in one:
            continue
        where = f"{path}, model {name:.120}"
        provider = {"gemini": "google"}.get(
            str(one.get("litellm_provider")), str(one.get("litellm_provider"))
        )
        each = {
            key: _amount(one.get(there), there, where, times=_MILLION)
            for key, there in (
                ("input_per_million", "input_cost_per_token"),
                ("output_per_million", "output_cost_per_token"),
                ("cached_input_per_million", "cache_read_input_token_cost"),
            )
        }
        model = name.rpartition("/")[2]
        known = {key: amount for key, amount in each.items() if amount is not None}
        if len(model) <= _LONGEST_MODEL and {"input_per_million", "output_per_million"} <= set(
            known
        ):
            yield Listed(provider, model, **known)


def _amount(value: object, name: str, where: str, *, times: int = 1) -> Decimal | None:
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise InvalidOperation
        amount = Decimal(value) * times
        if not 0 <= amount < _LARGEST:  # also what is no number
            raise InvalidOperation
        return amount.quantize(_PLACES)
    except InvalidOperation:
        raise WrongPrices(f"{where}: {name} must be an amount in US dollars from 0 on.") from None


# --- Taking in ------------------------------------------------------------------------------------


@transaction.atomic
def take_in(listed: Sequence[Listed], *, source: str, dry_run: bool = False) -> Imported:
    """Add what differs from the latest price of each model, from today on (UTC).

    Where a price begins today already, the new one begins tomorrow. Safe to repeat.
    """
    providers = {one.name: one for one in Provider.objects.select_for_update().order_by("name")}
    latest: dict[tuple[Any, str], ProviderPrice] = {}
    for price in ProviderPrice.objects.order_by("valid_from"):
        latest[price.provider_id, price.model] = price
    outcome, fresh = Imported(), dict[tuple[Any, str], ProviderPrice]()
    for one in listed:
        provider = providers.get(one.provider)
        if provider is None:
            outcome.of_others += 1
            continue
        key = (provider.pk, one.model)
        known = latest.get(key)
        if key in fresh or (known is not None and one.same_as(known)):
            outcome.unchanged += 1
            continue
        fresh[key] = _row(provider, one, _begin(known), source)
        (outcome.added if known is None else outcome.changed).append(f"{provider.name}/{one.model}")
    if fresh and not dry_run:
        ProviderPrice.objects.bulk_create(fresh.values())
        for row in fresh.values():
            _record(row, by=None)
    return outcome


def _begin(known: ProviderPrice | None) -> date:
    if known is None:
        return today()
    return max(today(), known.valid_from + timedelta(days=1))


def _row(provider: Provider, one: Listed, valid_from: date, source: str) -> ProviderPrice:
    amounts = {name: getattr(one, name) for name in _AMOUNTS}
    return ProviderPrice(
        provider=provider, model=one.model, valid_from=valid_from, source=source[:120], **amounts
    )


@transaction.atomic
def add(price: ProviderPrice, *, by: User) -> ProviderPrice:
    """Add a price by hand; admins alone may. NotPossible where that day has one."""
    if not by.is_superuser:
        raise NotAllowed("Only an admin may add prices.")
    price.source = price.source or "entered by hand"
    try:
        with transaction.atomic():
            price.save(force_insert=True)
    except IntegrityError:
        raise NotPossible(
            {
                "valid_from": [
                    f"{price.model} has a price from {price.valid_from} on, which stays. Choose"
                    " another day."
                ]
            }
        ) from None
    _record(price, by=by)
    return price


def _record(price: ProviderPrice, *, by: User | None) -> None:
    record(
        "provider_price.added",
        by=by,
        subject=(NOUN, str(price.pk)),
        after={
            "model": price.model,
            "valid_from": str(price.valid_from),
            "source": price.source,
            **{name: _told(getattr(price, name)) for name in _AMOUNTS},
        },
    )


def _told(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
