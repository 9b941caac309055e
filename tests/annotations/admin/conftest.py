"""People at the desk."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.factories import make_user


class Desk:
    """A person who is logged in, and asks what the desk's page asks."""

    def __init__(self, person: User) -> None:
        self.person = person
        self.client = Client()
        self.client.force_login(person)

    def ask(self, name: str, **said: Any) -> Any:
        """The answer's status and JSON."""
        response = self.client.post(
            f"/annotations/desk/{name}/", json.dumps(said), content_type="application/json"
        )
        return response.status_code, response.json()

    def items(self, **said: Any) -> list[dict[str, Any]]:
        """What comes next."""
        status, answer = self.ask("next", **said)
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["items"]
        return found

    def decide(self, item: dict[str, Any], decision: str = "approved", **more: Any) -> Any:
        """Decide on an item."""
        own = {"ticket": item["ticket"], "version": item["version"], "decision": decision}
        return self.ask("decide", **(own | more))


@pytest.fixture
def desk(db: None) -> Callable[..., Desk]:
    """The desk of somebody with the role, or of this person."""

    def make(who: str | User = "analyst") -> Desk:
        return Desk(make_user(who) if isinstance(who, str) else who)

    return make
