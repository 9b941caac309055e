"""``manage.py provider_status``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from config.commands import OpsCommand
from providers.actions.alerts import dollars
from providers.standing import standing


class Command(OpsCommand):
    """For operators, and for the monitor that reads ``--json``."""

    help = "Show how each AI provider stands, and what it costs."
    example = "provider_status --json"
    offers_dry_run: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False  # it only looks

    def run(self, **options: Any) -> dict[str, Any]:
        return {"providers": [one.told() for one in standing()]}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        for one in outcome["providers"]:
            state = one["breaker"] if one["is_enabled"] else "switched off"
            if one["key_error"]:
                key = "the team's key does not work"
            elif one["has_team_key"]:
                key = "the team's key"
            else:
                key = "no key of the team's" if one["needs_key"] else "needs no key"
            health = one["health"].replace("_", " ") or "never checked"
            yield f"{one['display_name']}: {state}; {key}; {health}"
            yield (
                f"    today {dollars(one['cost_today'])}, this month {dollars(one['cost_month'])},"
                f" at its end about {dollars(one['forecast_month'])}"
            )
