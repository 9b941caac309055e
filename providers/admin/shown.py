"""How providers, keys and money look on the pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin.formats import NOTHING, State, badge, moment, number
from database.encryption.errors import EncryptionError, Undecryptable
from providers.actions.access import ENTER_AGAIN
from providers.models import BreakerState, HealthStatus, KeyStatus, Provider, UserProvider
from providers.standing import breaker_words

_HEALTH: Final[dict[str, State]] = {
    HealthStatus.HEALTHY: "good",
    HealthStatus.DEGRADED: "warning",
    HealthStatus.DOWN: "bad",
    HealthStatus.KEY_REFUSED: "bad",
}
_KEYS: Final[dict[str, State]] = {
    KeyStatus.WORKS: "good",
    KeyStatus.UNTESTED: "notice",
    KeyStatus.REFUSED: "bad",
    KeyStatus.UNREADABLE: "bad",
}

_USABLE: Final[dict[str, tuple[str, State]]] = {
    KeyStatus.WORKS: ("usable", "good"),
    KeyStatus.UNTESTED: ("usable, not tested", "notice"),
    KeyStatus.REFUSED: ("not usable", "bad"),
    KeyStatus.UNREADABLE: ("not usable", "bad"),
}


def dollars(amount: Decimal | None) -> str:
    """``1,234.50 $``; with four digits below a dollar, where they are all there is."""
    if amount is None:
        return NOTHING
    digits = 2 if amount >= 1 or amount == 0 else 4
    return number(amount, "$", digits=digits)


def breaker(provider: Provider) -> SafeString:
    """Whether it is asked at this moment."""
    words = breaker_words(provider)
    if not provider.is_enabled:
        return badge("switched off", "neutral")
    if provider.breaker_state != BreakerState.CLOSED:
        return badge(words, "bad")
    return badge(words, "good" if provider.breaker_failures == 0 else "warning")


def health(status: str | None) -> SafeString:
    """What the last check found."""
    if not status:
        return format_html("{}", "never checked")
    return badge(HealthStatus(status).label, _HEALTH[status])


def team_key(provider: Provider) -> SafeString:
    """Whether there is a key of the team's, by its last four characters."""
    if not provider.needs_key:
        return format_html("{}", "needs none")
    if provider.api_key is None:
        return badge("none", "warning") if provider.is_enabled else format_html("{}", "none")
    if provider.key_error == ENTER_AGAIN:  # found out by a check, not here: it may take a network
        return badge("to be entered again", "bad")
    hint = hidden(provider.key_hint)
    if provider.key_error:
        return format_html("{} {}", hint, badge("does not work", "bad"))
    return hint


def own_key(row: UserProvider) -> SafeString:
    """How a person's key stands; one that lost its master key is found out here."""
    if row.stopped_at is not None:
        return stopped(row)
    if not row.is_active:
        return badge("switched off", "neutral")
    if row.status == KeyStatus.UNREADABLE or not is_readable(row):
        return badge("to be entered again", "bad")
    return known(row)


def known(row: UserProvider) -> SafeString:
    """What the last test or call found; nothing is decrypted for it."""
    return badge(KeyStatus(row.status).label, _KEYS[row.status])


def usable(row: UserProvider) -> SafeString:
    """Whether its owner's jobs can use it, as far as is known."""
    if not row.is_active:
        return badge("switched off by its owner", "neutral")
    return badge(*_USABLE[row.status])


def stopped(row: UserProvider) -> SafeString:
    """That an admin switched it off, or removed it."""
    has_key = getattr(row, "has_key", None)
    if has_key is None:  # the row was read whole, for its owner
        has_key = row.api_key is not None
    return badge("switched off by an admin" if has_key else "removed by an admin", "bad")


def why_stopped(row: UserProvider) -> SafeString:
    """Who, when, and the reason they gave."""
    return format_html(
        "by {}, {}: <bdi>{}</bdi>",
        row.stopped_by or "an admin",
        moment(row.stopped_at),
        row.stopped_reason,
    )


def hidden(hint: str) -> SafeString:
    """``…6789``: what is shown of a key."""
    return format_html('<code class="id">…{}</code>', hint)


def is_readable(row: UserProvider) -> bool:
    """Whether the stored key can be decrypted; what is decrypted goes at once."""
    try:
        if row.api_key is not None:
            row.api_key.reveal()
    except Undecryptable:
        return False
    except EncryptionError:  # the key provider does not answer now: that says nothing of the key
        return True
    return True
