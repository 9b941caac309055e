"""What ``manage.py check`` refuses about encrypted columns and master keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from database.encryption import providers
from database.encryption.errors import EncryptionError
from database.encryption.fields import key_target
from database.encryption.kms import AwsKms
from database.encryption.registry import Column, columns

# What serves people or works for them does not begin without its keys. Other commands ask for them
# when they need them: migrations, for one, run where there are none.
SERVING: Final = frozenset({"run_worker", "runserver", "demo", "check"})

# Their text is the same in Python and in PostgreSQL, which secrets are bound to.
_KEYS: Final = (models.UUIDField, models.IntegerField, models.CharField, models.TextField)


def check_columns(**_: Any) -> list[CheckMessage]:
    """Hidden from reports, bound to a key that has one spelling, and to a place of their own."""
    seen: dict[tuple[str, str], Column] = {}
    messages: list[CheckMessage] = []
    for column in columns():
        messages += _messages(column)
        other = seen.setdefault(column.field.identity(), column)
        if other is not column:
            messages.append(
                Error(
                    f"{column.field.named} is bound to the same place as {other.field.named}.",
                    hint="Secrets could be moved from one to the other. Set another bound_to.",
                    obj=column.field,
                    id="encryption.E003",
                )
            )
    return messages


def _messages(column: Column) -> Iterator[CheckMessage]:
    if column.field.column not in getattr(column.model, "hidden_columns", ()):
        yield Error(
            f"The reporting role may read {column.name}.",
            hint=f'Add "{column.field.column}" to the hidden_columns of {column.model.__name__}.',
            obj=column.field,
            id="encryption.E001",
        )
    key = key_target(column.model._meta.pk)
    if not isinstance(key, _KEYS):
        yield Error(
            f"{column.field.named} cannot be bound to a key that is a {type(key).__name__}.",
            hint="Use KeyField.",
            obj=column.field,
            id="encryption.E002",
        )


def check_keys(**_: Any) -> list[CheckMessage]:
    """The master keys are there, for commands that serve."""
    if not is_serving():
        return []
    try:
        demand_keys()
    except EncryptionError as error:
        return [Error(str(error), id="encryption.E004")]
    return []


def is_serving() -> bool:
    """Whether this process is a command that must not begin without its keys."""
    return Path(sys.argv[0]).name == "manage.py" and SERVING.intersection(sys.argv[1:2]) != set()


def demand_keys() -> None:
    """EncryptionError unless the master keys can be used; no network is asked.

    Beside the private server a keyring is made when there is none.
    """
    if not any(columns()):
        return
    provider = providers.wrapping()
    if isinstance(provider, AwsKms):
        provider.check()
    else:
        provider.names()


def demand_keys_of_a_web_process() -> None:
    """Web servers run no system checks: ImproperlyConfigured ends their start with a sentence."""
    if os.environ.get("LACUNA_PROCESS") != "web":
        return
    try:
        demand_keys()
    except EncryptionError as error:
        raise ImproperlyConfigured(str(error)) from None
