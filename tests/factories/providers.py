"""Providers as the migrations made them, prices, keys and quotas."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from providers.models import KeyStatus, Provider, ProviderPrice, UserProvider, UserQuota
from tests.factories.accounts import make_user


def make_provider(name: str = "openai", *, key: str = "", **fields: Any) -> Provider:
    """One of the four, switched on, with the team's key if one is given."""
    provider = Provider.objects.get(name=name)
    for field, value in {"is_enabled": True, **fields}.items():
        setattr(provider, field, value)
    if key:
        provider.api_key = key
        provider.key_hint = key[-4:]
    provider.save()
    return provider


def make_price(provider: Provider, **fields: Any) -> ProviderPrice:
    """One dollar for a million tokens in, ten for a million out, since long ago."""
    values = {
        "model": provider.default_model,
        "valid_from": "2020-01-01",
        "input_per_million": Decimal(1),
        "output_per_million": Decimal(10),
    }
    return ProviderPrice.objects.create(provider=provider, **(values | fields))


def make_own_key(key: str = "sk-own-0123456789", **fields: Any) -> UserProvider:
    """A person's own key, which works."""
    values: dict[str, Any] = {"status": KeyStatus.WORKS, "key_hint": key[-4:], "api_key": key}
    if "user" not in fields:
        fields["user"] = make_user()
    if "provider" not in fields:
        fields["provider"] = make_provider()
    return UserProvider.objects.create(**(values | fields))


def make_quota(**fields: Any) -> UserQuota:
    """Limits of a person."""
    if "user" not in fields:
        fields["user"] = make_user()
    return UserQuota.objects.create(**fields)
