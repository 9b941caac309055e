"""What stands in the letters that were sent."""

from __future__ import annotations

import re

from django.core import mail

_LINK = re.compile(r"/link/([A-Za-z0-9_-]+)/")


def token_in(letter: mail.EmailMessage) -> str:
    """The token of the link in a letter."""
    found = _LINK.search(str(letter.body))
    assert found is not None, letter.body
    return found[1]


def last_token() -> str:
    """That of the newest letter."""
    return token_in(mail.outbox[-1])
