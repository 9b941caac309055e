"""A person at the pages of annotations, and what they read there."""

from __future__ import annotations

from typing import Any

from django.test import Client

from accounts.models import User
from annotations.actions import deciding
from annotations.actions.deciding import Verdict
from annotations.models import Annotation, Decision
from tests.factories import make_user


def logged_in(who: str | User) -> Client:
    client = Client()
    client.force_login(make_user(who) if isinstance(who, str) else who)
    return client


def said(response: Any) -> str:
    """The page that a form leads to."""
    text: str = response.content.decode()
    return text


def decided(annotation: Annotation, by: User, **more: Any) -> None:
    deciding.decide(annotation.pk, Verdict(Decision.APPROVED, annotation.version, **more), by=by)
