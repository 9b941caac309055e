"""What an API key can be made for: it is worth what its scopes and its owner's role both allow."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ImproperlyConfigured

# Scope -> the sentence a person reads when they make a key.
SCOPES: Final[dict[str, str]] = {}


def declare_scope(name: str, sentence: str) -> str:
    """Make a scope known; a package does so in ``AppConfig.ready``, or beside its views.

    A name is ``read:`` or ``write:`` (or another verb) and a noun in the plural.
    """
    verb, separator, noun = name.partition(":")
    if not (verb and separator and noun):
        raise ImproperlyConfigured(f"The scope {name!r} must look like read:images.")
    if SCOPES.setdefault(name, sentence) != sentence:
        raise ImproperlyConfigured(f"The scope {name} has two different sentences.")
    return name
