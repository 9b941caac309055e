"""What admins change of a provider: whether it is asked, where, with which model, in what order."""

from __future__ import annotations

from typing import Any, Final, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from audit.recording import record
from providers import addresses, registry
from providers.actions.access import find_provider
from providers.errors import NotAllowed, NotPossible
from providers.models import Provider

NOUN: Final = "provider"


class Changes(TypedDict, total=False):
    """What can be changed; keys have functions of their own."""

    display_name: str
    is_enabled: bool
    default_model: str
    base_url: str
    timeout_seconds: int
    rank: int


NAMES: Final = tuple(Changes.__annotations__)


@transaction.atomic
def change(name: str, *, by: User, **changes: Unpack[Changes]) -> Provider:
    """Set what is named; admins alone may. NotPossible says what is wrong with which value.

    A base URL is looked up: it must lead to the public network, or to PROVIDER_NETWORKS.
    """
    if not by.is_superuser:
        raise NotAllowed("Only an admin may change providers.")
    found = find_provider(name)
    provider = Provider.objects.select_for_update().get(pk=found.pk)
    before = _told(provider)
    for field, value in changes.items():
        setattr(provider, field, value.strip() if isinstance(value, str) else value)
    if provider.base_url and provider.base_url != before["base_url"]:
        try:
            provider.base_url = addresses.check(provider.base_url, registry.reach())
        except addresses.AddressRefused as error:
            raise NotPossible({"base_url": [str(error)]}) from None
    try:
        provider.clean_fields(
            exclude=[f.name for f in Provider._meta.fields if f.name not in NAMES]
        )
    except ValidationError as error:
        raise NotPossible(error.message_dict) from None
    after = _told(provider)
    changed = [field for field in NAMES if before[field] != after[field]]
    if changed:
        provider.save(update_fields=changed)
        record(
            "provider.changed",
            by=by,
            subject=(NOUN, str(provider.pk)),
            before={field: before[field] for field in changed},
            after={field: after[field] for field in changed},
        )
        provider.refresh_from_db()
    return provider


def _told(provider: Provider) -> dict[str, Any]:
    return {field: getattr(provider, field) for field in NAMES}
