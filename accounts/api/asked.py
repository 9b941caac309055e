"""Who asks, and what they sent: for the views of people and their access."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import User
from config.api.views import validated


def caller_of(request: Request) -> User:
    """The person who asks; for views that nobody else reaches."""
    assert isinstance(request.user, User)
    return request.user


def comes_with_key(request: Request) -> bool:
    """Whether a program asks with an API key, not somebody who logged in."""
    return getattr(request.auth, "scopes", None) is not None


def checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The values; ValidationError for what is wrong, and for fields that cannot be written."""
    return validated(serializer)
