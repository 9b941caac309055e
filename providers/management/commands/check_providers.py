"""``manage.py check_providers``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from config.commands import OpsCommand
from providers.actions import health


class Command(OpsCommand):
    """As the schedule does every five minutes."""

    help = "Ask every AI provider that is on how it is; what is asked is not billed."
    example = "check_providers --json"
    offers_dry_run: ClassVar[bool] = False
    records: ClassVar[bool] = False  # what it finds stands in provider_health

    def run(self, **options: Any) -> dict[str, Any]:
        found = health.check_all()
        return {
            "providers": [
                {
                    "provider": one.provider,
                    "status": one.status or "not_checked",
                    "response_time_ms": one.milliseconds,
                    "said": one.said,
                }
                for one in found
            ]
        }

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for one in outcome["providers"]:
            took = one["response_time_ms"]
            took = "" if took is None else f" in {took} ms"
            yield f"{one['provider']}: {one['status'].replace('_', ' ')}{took}. {one['said']}"
        if not outcome["providers"]:
            yield "No provider is switched on."
