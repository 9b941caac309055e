"""How providers are: asked every five minutes for something that is not billed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone

from providers import registry
from providers.actions import asking
from providers.actions.access import NoKey, team_key
from providers.interface import KeyRefused, ProviderBusy, ProviderError
from providers.models import BreakerState, HealthStatus, Provider, ProviderHealth

KEPT: Final = timedelta(days=30)
# A check ends after so long, whatever time calls are given.
CHECK_SECONDS: Final = 15.0
SLOW_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``status`` is None where there was nothing to ask with."""

    provider: str
    status: HealthStatus | None
    said: str
    milliseconds: int | None = None


def check_all() -> list[Finding]:
    """Check every provider that is on, note what is found, and forget checks of long ago."""
    found = [
        check(provider)
        for provider in Provider.objects.filter(is_enabled=True).order_by("rank", "name")
    ]
    ProviderHealth.objects.filter(checked_at__lt=timezone.now() - KEPT).delete()
    return found


def check(provider: Provider) -> Finding:
    """Ask one provider with the team's key; a key that works again is used again."""
    finding = _asked(provider)
    if finding.status is not None:
        _tell_breaker(provider, finding.status)
        ProviderHealth.objects.create(
            provider=provider,
            status=finding.status,
            response_time_ms=finding.milliseconds,
            error_message="" if finding.status == HealthStatus.HEALTHY else finding.said[:2000],
        )
    return finding


def _asked(provider: Provider) -> Finding:
    try:
        adapter = registry.adapter(provider.name)
        key = team_key(provider, even_refused=True)
    except registry.NotInstalled as error:
        return Finding(provider.name, HealthStatus.DOWN, str(error))
    except NoKey as error:
        return Finding(provider.name, None, str(error))
    started = time.monotonic()
    timeout = min(CHECK_SECONDS, provider.timeout_seconds)
    try:
        said = key.used(adapter.check, timeout=timeout)
    except NoKey as error:
        return Finding(provider.name, None, str(error))
    except KeyRefused as error:
        key.note_refused(error)
        return Finding(provider.name, HealthStatus.KEY_REFUSED, str(error), _since(started))
    except ProviderBusy as error:
        return Finding(provider.name, HealthStatus.DEGRADED, str(error), _since(started))
    except ProviderError as error:
        return Finding(provider.name, HealthStatus.DOWN, str(error), _since(started))
    key.note_works(always=True)
    took = _since(started)
    status = HealthStatus.HEALTHY if took < SLOW_MS else HealthStatus.DEGRADED
    return Finding(provider.name, status, said, took)


def _tell_breaker(provider: Provider, status: HealthStatus) -> None:
    """A check counts as a failure; as a success only where it is the one that tries again.

    That the list of models answers says nothing of the calls that failed a moment ago.
    """
    was_closed = provider.breaker_state == BreakerState.CLOSED
    if status == HealthStatus.DOWN and asking.may_ask(provider):
        asking.note_outcome(provider, worked=False)
    elif status == HealthStatus.HEALTHY and not was_closed and asking.may_ask(provider):
        asking.note_outcome(provider, worked=True)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
